"""The reader of Nginx's configuration: what the libraries lose, and what it says of routes and peers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from monitor.sources.nginx_conf import Address, Configuration, Listen, Route, read
from monitor.sources.nginx_conf.paths import path_of


def conf(directory: Path, http: str, *, main: str = "", **files: str) -> Configuration:
    """Read `http { … }` with other files beside it."""
    for name, text in files.items():
        (directory / f"{name}.conf").write_text(text)
    path = directory / "nginx.conf"
    path.write_text(f"{main}\nevents {{}}\nhttp {{\n{http}\n}}\n")
    return read(str(path))


def only(configuration: Configuration) -> Route:
    (route,) = configuration.routes
    return route


def asked(route: Route) -> list[str]:
    return [f"{target.protocol} {target.name}" for target in route.targets]


LUA = {
    "long string": "content_by_lua_block { local x = [[ it's } ]] }",
    "level string": "content_by_lua_block { local x = [==[ ]] } ]==] }",
    "long comment": "content_by_lua_block { --[[ } ' ]] return 1 }",
    "line comment": "content_by_lua_block { -- } it's\n return {1, {2}} }",
    "quotes": "content_by_lua_block { local a, b = \"}\\\"\", '}\\'' }",
    "no space": "set_by_lua_block $p{ return '}' }",
    "unlisted name": 'ssl_client_hello_by_lua_block { x = "}" }',
    "semicolon": "server_rewrite_by_lua_block { a(); b() }",
}


@pytest.mark.parametrize("block", LUA.values(), ids=LUA)
def test_a_block_of_lua_is_kept_closed_and_what_follows_is_read(tmp_path: Path, block: str) -> None:
    found = conf(tmp_path, f"server {{ {block}\n listen 8080; location / {{ proxy_pass http://127.0.0.1:3000; }} }}")
    assert found.problems == ()
    assert only(found).listens == (Listen(Address(port=8080)),)


def test_lua_that_never_ends_is_told_and_what_stood_before_is_kept(tmp_path: Path) -> None:
    found = conf(tmp_path, "server { location / { proxy_pass http://a:1; } content_by_lua_block { [[ }")
    assert [each.text for each in found.problems] == ["unexpected end of file in a block of Lua"]
    assert asked(only(found)) == ["http a:1"]


@pytest.mark.parametrize(
    ("http", "why"),
    [
        ("server { listen 80\n location / { return 200; } }", 'directive "listen" is not terminated by ";"'),
        ("server;", 'directive "server" has no opening "{"'),
        ("location / { return 200; }", '"location" directive is not allowed here'),
        ("types { a b { } }", 'unexpected "{"'),
        ("upstream a { server b {} }", 'directive "server" is not terminated by ";"'),
        ("include a b;", 'invalid number of arguments in "include" directive'),
        ("include missing.conf;", "cannot read HERE/missing.conf: No such file or directory"),
        ("}\nhttp {", '"http" directive is duplicate'),
    ],
)
def test_what_nginx_would_refuse_by_its_grammar_is_told(tmp_path: Path, http: str, why: str) -> None:
    assert [each.text for each in conf(tmp_path, http).mistakes] == [why.replace("HERE", str(tmp_path))]


def test_blocks_of_modules_we_do_not_know_are_left_to_them(tmp_path: Path) -> None:
    found = conf(tmp_path, "", main="rtmp { server { listen 1935; application live { server; location x; } } }")
    assert found.problems == ()


def test_a_file_without_events_is_none_for_nginx(tmp_path: Path) -> None:
    (tmp_path / "n.conf").write_text("http {}")
    assert [each.text for each in read(str(tmp_path / "n.conf")).problems] == ['no "events" section in configuration']


def test_a_byte_order_mark_is_told_and_read_over(tmp_path: Path) -> None:
    (tmp_path / "n.conf").write_text("\ufeffpid /run/n.pid; events {}")
    found = read(str(tmp_path / "n.conf"))
    assert found.pid == "/run/n.pid"
    assert "byte order mark" in found.problems[0].text


class TestIncludes:
    def test_one_snippet_stands_in_every_context_that_includes_it(self, tmp_path: Path) -> None:
        """Also within `if`, `limit_except` and `map`, where the libraries drop it or judge it by its first place."""
        found = conf(
            tmp_path,
            """
            map $host $pool { include pools.conf; }
            include site.conf;
            server { include site.conf; location / { if ($host) { include pass.conf; } } }
            server { server_name b; location / { limit_except GET { include pass.conf; } proxy_pass http://$pool; } }
            """,
            pools="default one:1; b two:2;",
            site="server_name_in_redirect off;",
            **{"pass": "proxy_pass http://127.0.0.1:3000;"},
        )
        assert found.problems == ()
        assert [asked(route) for route in found.routes] == [
            ["http 127.0.0.1:3000"],
            ["http 127.0.0.1:3000"],
            ["http one:1", "http two:2"],
        ]
        assert found.routes[0].file == str(tmp_path / "pass.conf")

    def test_matches_are_read_in_order_and_hidden_ones_are_not(self, tmp_path: Path) -> None:
        (tmp_path / "sites" / "x").mkdir(parents=True)
        for name in ("b.conf", "a.conf", ".c.conf", "x/d.conf"):
            (tmp_path / "sites" / name).write_text(f"server {{ server_name {name[0]}; }}")
        found = conf(tmp_path, "include sites/*.conf; include sites/[x-z]/*; include none/*.conf;")
        assert found.problems == ()
        assert [route.server_name for route in found.routes] == ["a", "b", "x"]

    def test_a_file_that_includes_itself_is_refused(self, tmp_path: Path) -> None:
        found = conf(tmp_path, "include a.conf; server { }", a="include b.conf;", b="include a.conf;")
        assert [each.text for each in found.problems] == [f"{tmp_path}/a.conf includes itself"]
        assert len(found.routes) == 1

    def test_a_long_chain_of_includes_ends(self, tmp_path: Path) -> None:
        files = {f"f{number}": f"include f{number + 1}.conf;" for number in range(60)}
        assert [each.text for each in conf(tmp_path, "include f0.conf;", **files).problems] == [
            "includes are nested too deeply"
        ]

    @pytest.mark.parametrize("what", ["directory", "file"])
    def test_what_may_not_be_read_is_told_as_such(self, public_directory: Path, what: str) -> None:
        sites = public_directory / "sites"
        sites.mkdir()
        (sites / "a.conf").write_text("server {}")
        conf(public_directory, "include sites/*.conf;")
        (sites if what == "directory" else sites / "a.conf").chmod(0o300 if what == "directory" else 0)
        code = (
            "import os, sys; from monitor.sources.nginx_conf import read; os.geteuid() or os.setuid(65534);"
            "found = read(sys.argv[1]);"
            "print(*[(each.unreadable, each.text) for each in found.problems], len(found.mistakes))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(public_directory / "nginx.conf")],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
        )
        where = f"list {sites}" if what == "directory" else f"read {sites}/a.conf"
        assert done.stdout.strip() == f"(True, 'cannot {where}: Permission denied') 0", done.stderr

    def test_the_same_content_has_the_same_digest_and_a_touched_file_a_later_change(self, tmp_path: Path) -> None:
        first = conf(tmp_path, "include a.conf;", a="server {}")
        time.sleep(0.05)  # the kernel's own clock has a grain
        os.utime(tmp_path / "a.conf")
        second = read(first.path)
        assert (first.digest, first.changed_at < second.changed_at) == (second.digest, True)
        assert conf(tmp_path, "include a.conf;", a="server { }").digest != first.digest
        assert [Path(each.path).name for each in first.files] == ["nginx.conf", "a.conf"]


class TestRoutes:
    def test_a_group_with_all_that_is_said_of_its_peers(self, tmp_path: Path) -> None:
        found = conf(
            tmp_path,
            """
            upstream App {
                least_conn; zone app 64k; keepalive 32 local;
                server 127.0.0.1:3000 weight=5 max_fails=3 fail_timeout=1m30s;
                server [::1]:3001 backup;
                server unix:/run/app.sock down;
                server app.internal resolve;
            }
            server { listen 443 ssl; server_name _ app.test; location / { proxy_pass https://aPP/x; } }
            """,
        )
        (group,) = found.upstreams
        first, second, third, fourth = group.peers
        assert (str(first.address), first.weight, first.max_fails, first.fail_timeout) == ("127.0.0.1:3000", 5, 3, 90.0)
        assert (str(second.address), second.backup) == ("[::1]:3001", True)
        assert (str(third.address), third.down) == ("unix:/run/app.sock", True)
        assert (str(fourth.address), fourth.resolved, fourth.max_fails) == ("app.internal:80", True, 1)
        (target,) = only(found).targets
        assert (target.protocol, target.name, target.uri, target.grouped) == ("https", "App", "/x", True)
        assert target.peers == group.peers
        assert only(found).host == "app.test"

    @pytest.mark.parametrize(
        ("directive", "asks"),
        [
            ("proxy_pass http://127.0.0.1:3000", "http 127.0.0.1:3000 127.0.0.1:3000"),
            ("proxy_pass http://127.0.0.1", "http 127.0.0.1 127.0.0.1:80"),
            ("proxy_pass https://app.test/a", "https app.test app.test:443"),
            ("proxy_pass http://unix:/run/a.sock:/x", "http unix:/run/a.sock unix:/run/a.sock"),
            ("fastcgi_pass unix:/run/php.sock", "fastcgi unix:/run/php.sock unix:/run/php.sock"),
            ("fastcgi_pass 127.0.0.1:9000", "fastcgi 127.0.0.1:9000 127.0.0.1:9000"),
            ("uwsgi_pass [::1]:9000", "uwsgi [::1]:9000 [::1]:9000"),
            ("grpc_pass grpcs://a.test", "grpcs a.test a.test:443"),
            ("grpc_pass 127.0.0.1:50051", "grpc 127.0.0.1:50051 127.0.0.1:50051"),
            ("memcached_pass localhost", "memcached localhost localhost:11211"),
            ("proxy_pass http://127.0.0.1:3000$request_uri", "http 127.0.0.1:3000 127.0.0.1:3000"),
        ],
    )
    def test_a_literal_peer_needs_no_group(self, tmp_path: Path, directive: str, asks: str) -> None:
        route = only(conf(tmp_path, f"server {{ location /a/ {{ {directive}; }} }}"))
        (target,) = route.targets
        assert f"{target.protocol} {target.name} {target.peers[0].address}" == asks
        assert (route.path, route.dynamic) == ("/a/", False)

    def test_variables_are_followed_as_far_as_they_can_be_known(self, tmp_path: Path) -> None:
        found = conf(
            tmp_path,
            """
            upstream blue { server 127.0.0.1:1; }
            upstream green { server 127.0.0.1:2; }
            split_clients $remote_addr $split { 50% blue; * green; }
            map $cookie_pool $pool { default $split; special 127.0.0.1:3; }
            server {
                set $port 4000;
                location /pool { proxy_pass http://$pool; }
                location /set { set $back "127.0.0.1:$port"; proxy_pass http://$back/api$request_uri; }
                location /if { set $b a:1; if ($args) { set $b b:2; } proxy_pass http://$b; }
                location /whole { set $target https://c:3; proxy_pass $target; }
                location /host { proxy_pass http://$host:8080; }
                location /mixed { set $b a:1; if ($args) { set $b $arg_to; } proxy_pass http://$b; }
            }
            """,
        )
        assert {route.location: (asked(route), route.dynamic) for route in found.routes} == {
            "/pool": (["http blue", "http green", "http 127.0.0.1:3"], False),
            "/set": (["http 127.0.0.1:4000"], False),
            "/if": (["http a:1", "http b:2"], False),
            "/whole": (["https c:3"], False),
            "/host": ([], True),
            "/mixed": (["http a:1"], True),
        }

    def test_variables_that_name_each_other_end(self, tmp_path: Path) -> None:
        maps = "map $a $b { default $a; } map $b $a { default $b; }"
        assert only(conf(tmp_path, f"{maps} server {{ location / {{ proxy_pass http://$a; }} }}")).dynamic

    def test_times_and_guards_are_inherited_and_passes_are_not(self, tmp_path: Path) -> None:
        found = conf(
            tmp_path,
            """
            proxy_read_timeout 10s;
            server {
                listen 127.0.0.1:80; listen [::]:443 ssl default_server proxy_protocol; listen nonsense:x;
                location / {
                    proxy_pass http://a:1; proxy_connect_timeout 500ms;
                    location /deep { auth_basic x; proxy_read_timeout 2m; proxy_pass http://a:1; }
                    location /nothing { }
                }
                location = /only { allow 127.0.0.1; deny all; fastcgi_read_timeout 7; fastcgi_pass a:1; }
            }
            """,
        )
        seen = {each.location: (each.read_timeout, each.connect_timeout, each.guarded) for each in found.routes}
        assert seen == {"/": (10.0, 0.5, False), "/deep": (120.0, 0.5, True), "= /only": (7.0, 60.0, True)}
        assert [str(each.address) for each in found.routes[0].listens] == ["127.0.0.1:80", "[::]:443"]
        assert (found.routes[0].listens[1].tls, found.routes[0].listens[1].proxy_protocol) == (True, True)

    def test_a_server_that_only_redirects_is_a_route_too(self, tmp_path: Path) -> None:
        found = conf(tmp_path, "server { return 301 https://$host$request_uri; } server { return 444; } server { }")
        assert [(route.returns, route.targets) for route in found.routes] == [(301, ()), (None, ()), (None, ())]
        assert str(found.routes[2].listens[0].address) == "*:80"

    def test_stream_servers_are_routes_without_paths(self, tmp_path: Path) -> None:
        main = (
            "stream { upstream db { server 10.0.0.1:5432; } server { listen 5432; proxy_timeout 3s; proxy_pass db; } }"
        )
        route = only(conf(tmp_path, "", main=main))
        assert (route.stream, route.path, route.read_timeout, asked(route)) == (True, None, 3.0, ["tcp db"])

    def test_peers_that_code_chooses_are_not_believed(self, tmp_path: Path) -> None:
        group = "upstream a { server 0.0.0.1; balancer_by_lua_block { x() } }"
        found = conf(tmp_path, group + "server { location / { proxy_pass http://a; } }")
        assert (found.upstreams[0].placeholder, only(found).targets[0].peers) == (True, ())

    @pytest.mark.parametrize(
        ("location", "path"),
        [
            (("/",), "/"),
            (("=", "/x"), "/x"),
            (("=/x",), "/x"),
            (("^~", "/s/"), "/s/"),
            (("@named",), None),
            (("~", "^/(api|auth)/"), "/api/"),
            (("~", "^/api/(?:analyze|orders)/"), "/api/analyze/"),
            (("~*", r"\.(css|js)$"), "/index.css"),
            (("~", r"^/v[0-9]+/users/(?<id>\d+)$"), "/v0/users/1"),
            (("~", r"^/a.*b$"), "/ab"),
            (("~", r"^/a/(.+)$"), "/a/x"),
            (("~^/x",), "/x"),
            (("~", r"^/(?!no)x"), None),
            (("~", "(("), None),
            (("/with space",), None),
            ((), None),
        ],
    )
    def test_a_path_that_takes_this_route(self, location: tuple[str, ...], path: str | None) -> None:
        assert path_of(location) == path


def test_certificates_status_pages_logs_and_the_pid_file(tmp_path: Path) -> None:
    found = conf(
        tmp_path,
        """
        log_format json escape=json '{"a":"$status",' '"b":1}';
        access_log logs/access.log json buffer=32k;
        ssl_certificate shared.pem;
        server { listen 443 ssl; server_name a.test *.a.test; }
        server { listen 80; listen 127.0.0.1:8443 ssl; server_name b.test; ssl_certificate /etc/b.pem;
                 ssl_certificate /etc/b-ecdsa.pem; error_log /var/log/b.log warn; access_log off; }
        server { listen 443 ssl; server_name c.test; ssl_certificate $ssl_server_name.pem; }
        server { listen 8080; location = /status { stub_status; allow 127.0.0.1; deny all; access_log off; } }
        """,
        main="pid run/nginx.pid; error_log logs/error.log; error_log stderr;",
    )
    assert found.problems == ()
    assert [(each.path, each.names) for each in found.certificates] == [
        (str(tmp_path / "shared.pem"), ("a.test",)),
        ("/etc/b.pem", ("b.test",)),
        ("/etc/b-ecdsa.pem", ("b.test",)),
        ("", ("c.test",)),
    ]
    (page,) = found.status_pages
    assert (page.path, str(page.listens[0].address), page.guarded) == ("/status", "*:8080", True)
    assert found.pid == str(tmp_path / "run/nginx.pid")
    assert set(found.error_logs) == {"/var/log/b.log", str(tmp_path / "logs/error.log")}
    assert [(each.path, each.format) for each in found.access_logs] == [(str(tmp_path / "logs/access.log"), "json")]
    assert found.log_formats["json"].text == '{"a":"$status","b":1}'
    assert found.log_formats["json"].escape == "json"


def test_debians_own_configuration_is_read_whole() -> None:
    found = read("/etc/nginx/nginx.conf")
    assert found.problems == ()
    assert found.error_logs == ("/var/log/nginx/error.log",)


def test_a_configuration_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = read(str(tmp_path / "none.conf"))
    assert [(each.text, each.unreadable) for each in found.problems] == [
        (f"cannot read {tmp_path}/none.conf: No such file or directory", False)
    ]
