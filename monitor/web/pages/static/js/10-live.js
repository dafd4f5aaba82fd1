/* Keeps the page as the monitor is: on each event it fetches the page anew and changes only what differs, so that
   focus, scroll, selection, opened details and half-filled forms stay. */
(() => {
  "use strict";

  const stream = document.body.dataset.live;
  const lost = document.getElementById("lost");
  const said = document.getElementById("said");
  if (!stream) return;

  const SOON = 150, SELDOM = 5000, RETRY = 5000, SILENT = 60000, PATIENCE = 3000, ANSWER = 10000;
  let source, waiting, silent, alone, retry, first = true, newest = Date.now(), busy = false, again = false;

  /* What a script has put into the page is the script's; what a person opened is the person's. */
  const ours = (node) => node.nodeType === 1 && node.hasAttribute("data-js");
  const kept = (element, name) => name === "open" && element.nodeName === "DETAILS";
  const key = (node) => (node.nodeType === 1 && (node.id || node.dataset.key)) || "";
  const alike = (one, other) => one.nodeName === other.nodeName && key(one) === key(other);

  const morph = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !kept(old, name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && !kept(old, name)) old.setAttribute(name, value);
    }
    const keys = new Map([...old.children].filter(key).map((child) => [key(child), child]));
    let place = old.firstChild;
    for (const child of fresh.childNodes) {
      while (place && ours(place)) place = place.nextSibling;
      const found = keys.get(key(child)) ?? following(place, child);
      if (!found) {
        old.insertBefore(document.importNode(child, true), place);
        continue;
      }
      if (key(child) && found !== place) old.insertBefore(found, place);
      else place = found.nextSibling;
      if (child.nodeType === 1) morph(found, child);
      else if (found.data !== child.data) found.data = child.data;
    }
    clear(place, null);
  };

  const clear = (from, to) => {
    while (from && from !== to) {
      const next = from.nextSibling;
      if (!ours(from)) from.remove();
      from = next;
    }
  };

  /* The next one that is alike; what stands before it has gone. */
  const following = (place, child) => {
    let found = place;
    while (found && (ours(found) || !alike(found, child))) found = found.nextSibling;
    if (found) clear(place, found);
    return found;
  };

  const assets = (page) => [...page.querySelectorAll("script[src], link[rel=stylesheet]")]
    .map((each) => each.getAttribute("src") || each.getAttribute("href")).join();

  const show = (page) => {
    if (!page.body.dataset.live) return;
    if (assets(page) !== assets(document)) return location.reload(); // another version of the monitor
    for (const each of page.querySelectorAll("[data-js]")) each.remove();
    if (page.title !== document.title) document.title = said.textContent = page.title;
    morph(document.querySelector("link[rel=icon]"), page.querySelector("link[rel=icon]"));
    morph(document.body, page.body);
    document.dispatchEvent(new Event("infra-monitor:updated"));
  };

  const refresh = async () => {
    clearTimeout(waiting);
    waiting = undefined;
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(ANSWER) });
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      newest = Date.now();
    } catch {
      retry ??= setTimeout(connect, RETRY);
    }
    busy = false;
    if (again) { again = false; soon(SOON); }
  };

  const soon = (milliseconds) => { waiting ??= setTimeout(refresh, milliseconds); };

  const hear = (event) => {
    clearTimeout(silent);
    silent = setTimeout(connect, SILENT);
    const begins = first;
    first = false;
    if (event.type !== "looks" && !begins) {
      clearTimeout(waiting);
      waiting = undefined;
      return soon(SOON);
    }
    soon(Math.max(SOON, newest + SELDOM - Date.now()));
  };

  const tell = () => {
    const at = document.querySelector("footer time")?.textContent ?? "";
    lost.textContent = lost.dataset.text.replace("{time}", at);
    lost.hidden = false;
  };

  const connect = () => {
    clearTimeout(silent);
    clearTimeout(retry);
    retry = undefined;
    source?.close();
    source = new EventSource(stream);
    source.onopen = () => {
      clearTimeout(alone);
      alone = undefined;
      lost.hidden = true;
      silent = setTimeout(connect, SILENT);
    };
    source.onerror = () => {
      alone ??= setTimeout(tell, PATIENCE);
      if (source.readyState === EventSource.CLOSED) retry ??= setTimeout(connect, RETRY);
    };
    for (const kind of ["state", "status", "incident.opened", "incident.updated", "incident.resolved", "mutes", "looks"]) {
      source.addEventListener(kind, hear);
    }
  };

  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  connect();
})();
