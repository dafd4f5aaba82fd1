"""Both text formats hold what they should, whatever the world is called, and other people's parsers agree."""

import gzip
import math
import subprocess
from collections.abc import Callable, Iterable
from typing import ClassVar, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.core import Metric as ParsedFamily
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitor.checks.base import Check, Env, Family
from monitor.core.model import Observation, Reading, Seen
from monitor.metrics import Metrics
from monitor.metrics.exposition import Format, Metric, label_pairs, number, preferred

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
    "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PARSERS: list[tuple[str, Callable[[str], Iterable[ParsedFamily]]]] = [
    ("text/plain", parse_text),
    (OPENMETRICS, parse_openmetrics),
]


class Pump(Check):
    """A kind with one family of each type, and a help text that needs care."""

    families: ClassVar[tuple[Family, ...]] = (
        Family("pressure", "infra_pump_pressure_ratio", "gauge", 'Pressure\\in the "pipe",\nas read.'),
        Family("turns", "infra_pump_turns_total", "counter", "Turns since the pump was built."),
        Family("stops", "infra_pump_stops_total", "tally", "Stops that we saw."),
        Family("stroke", "infra_pump_stroke_seconds", "histogram", "Length of a stroke.", (0.1, 1.0)),
    )
    kind: Literal["pump"] = "pump"

    async def look(self, env: Env) -> Seen:
        raise NotImplementedError


def pumped(readings: Iterable[Reading]) -> Metrics:
    metrics = Metrics({"water": (Pump(),)}, "1.2.3")
    metrics.looked(Observation("water", "pump", 1.7e9, 0.2, Seen(tuple(readings))))
    return metrics


EVERY_TYPE = pumped(Reading(name, 0.25, labels={"pipe": "a"}) for name in ("pressure", "turns", "stops", "stroke"))


names = st.text(st.characters(), max_size=300)
"""Any characters at all: control characters, half surrogates, quotes, new lines, emoji."""

readings = st.builds(
    Reading,
    st.sampled_from(["pressure", "turns", "stops", "stroke"]),
    st.floats(),
    st.just(""),
    st.dictionaries(st.sampled_from(["app", "worker", "peer"]), names, max_size=3),
)


@pytest.mark.parametrize(("accept", "parse"), PARSERS)
@given(given_readings=st.lists(readings, max_size=20))
def test_whatever_processes_call_themselves_both_parsers_read_the_scrape(
    accept: str, parse: Callable[[str], Iterable[ParsedFamily]], given_readings: list[Reading]
) -> None:
    text = pumped(given_readings).render(accept)[0].decode()
    series = [
        (sample.name, tuple(sorted(sample.labels.items()))) for family in parse(text) for sample in family.samples
    ]
    assert len(series) == len(set(series))
    assert all(len(value) <= 128 for _, labels in series for _, value in labels)
    lines = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line.startswith("infra_pump_")}
    assert lines <= {name for name, _ in series}


@given(names)
def test_a_label_value_is_read_back_as_it_was_but_for_what_no_parser_could_read(value: str) -> None:
    text = f"# TYPE infra_x gauge\ninfra_x{{{label_pairs({'name': value})}}} 1\n"
    (family,) = parse_text(text)
    expected = "".join(
        "\ufffd" if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 else c
        for c in value[:128]
    )
    assert family.samples[0].labels == {"name": expected}


@example(math.nan)
@example(-math.inf)
@given(st.one_of(st.floats(), st.integers(-(2**53), 2**53)))
def test_a_number_is_read_back_as_the_same_number(value: float) -> None:
    read = float(number(value).replace("Inf", "inf"))
    assert read == value or (math.isnan(read) and math.isnan(value))


@pytest.mark.parametrize(("accept", "parse"), PARSERS)
def test_no_family_is_described_twice_and_every_series_has_its_own_header(
    accept: str, parse: Callable[[str], Iterable[ParsedFamily]]
) -> None:
    text = EVERY_TYPE.render(accept)[0].decode()
    described = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(described) == len(set(described))
    assert {family.type for family in parse(text)} == {"gauge", "counter", "histogram"}
    assert all(family.documentation for family in parse(text))


def test_openmetrics_names_counters_without_total_knows_units_and_ends() -> None:
    text = EVERY_TYPE.render(OPENMETRICS)[0].decode()
    assert "# TYPE infra_pump_turns counter\n" in text
    assert "# UNIT infra_pump_stroke_seconds seconds\n" in text
    assert '# HELP infra_pump_pressure_ratio Pressure\\\\in the \\"pipe\\",\\nas read.\n' in text
    assert text.endswith("\n# EOF\n")
    assert text.count("# EOF") == 1


def test_the_classic_text_names_counters_in_full_and_has_no_end() -> None:
    text = EVERY_TYPE.render("text/plain")[0].decode()
    assert "# TYPE infra_pump_turns_total counter\n" in text
    assert '# HELP infra_pump_pressure_ratio Pressure\\\\in the "pipe",\\nas read.\n' in text
    assert "# EOF" not in text
    assert "# UNIT" not in text


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
def test_nothing_tells_when_it_was_created(accept: str) -> None:
    assert b"_created" not in EVERY_TYPE.render(accept)[0]


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
def test_the_compressed_scrape_holds_the_same_lines_also_the_second_time(accept: str) -> None:
    for _ in range(2):
        plain, _ = EVERY_TYPE.render(accept)
        compressed, _ = EVERY_TYPE.render(accept, compress=True)
        assert without_own(gzip.decompress(compressed)) == without_own(plain)
        subprocess.run(["gzip", "--test"], input=compressed, check=True, timeout=10)


def without_own(text: bytes) -> list[bytes]:
    """Without the process's own numbers, which differ from one moment to the next."""
    return [line for line in text.splitlines() if b"process_" not in line]


def test_a_scrape_shows_what_happened_after_the_one_before() -> None:
    metrics = pumped([Reading("pressure", 0.25)])
    for value in ("0.5", "0.75"):
        metrics.looked(Observation("water", "pump", 1.7e9, 0.2, Seen((Reading("pressure", float(value)),))))
        expected = f'infra_pump_pressure_ratio{{service="water"}} {value}\n'.encode()
        assert expected in metrics.render(None)[0]
        assert expected in gzip.decompress(metrics.render(None, compress=True)[0])


def test_promtool_has_nothing_to_say() -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=EVERY_TYPE.render(None)[0],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, Format.TEXT),
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.TEXT),
        (PROMETHEUS_2, Format.OPENMETRICS),
        (PROMETHEUS_3, Format.OPENMETRICS),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", Format.TEXT),
        ("application/openmetrics-text;version=2.0.0", Format.TEXT),
        ("application/openmetrics-text;q=0", Format.TEXT),
        ("application/openmetrics-text;q=0.3,text/plain;q=0.9", Format.TEXT),
        ("text/plain;q=0.5,application/openmetrics-text;q=0.5", Format.OPENMETRICS),
        ("application/openmetrics-text;q=many", Format.TEXT),
        (";;,=;q", Format.TEXT),
    ],
)
def test_the_format_is_the_one_the_client_likes_best(accept: str | None, form: Format) -> None:
    assert preferred(accept) is form
    assert EVERY_TYPE.render(accept)[1] == form.value


@pytest.mark.parametrize(
    ("name", "type_", "buckets"),
    [
        ("pump_pressure", "gauge", ()),
        ("infra_Pump", "gauge", ()),
        ("infra_pump_stops", "counter", ()),
        ("infra_pump_level_total", "gauge", ()),
        ("infra_pump_stroke_seconds", "histogram", ()),
        ("infra_pump_stroke_seconds", "histogram", (1.0, 0.1)),
        ("infra_pump_level", "gauge", (1.0,)),
    ],
)
def test_a_metric_that_prometheus_would_not_like_cannot_be_made(
    name: str, type_: Literal["gauge", "counter", "histogram"], buckets: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match=name):
        Metric(name, type_, "Help.", buckets=buckets)
