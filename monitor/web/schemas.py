"""The shapes of what the API answers, for the OpenAPI document; schemathesis holds the answers against them."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

_WORDS: Final[dict[str, Schema]] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "status": {"type": "string", "enum": ["healthy", "warning", "critical", "down", "maintenance", "unknown"]},
    "severity": {"type": "string", "enum": ["info", "warning", "error", "critical"]},
    "confidence": {"type": "string", "enum": ["certain", "likely", "possible", "unknown"]},
}


def shape(word: str) -> Schema:
    """`string`, `time?` (or null), `[Alert]` (a list), `{number?}` (an object of them), `Alert` (a schema below)."""
    if word.endswith("?"):
        return {"anyOf": [shape(word[:-1]), {"type": "null"}]}
    if word.startswith("["):
        return {"type": "array", "items": shape(word[1:-1])}
    if word.startswith("{"):
        return {"type": "object", "additionalProperties": shape(word[1:-1])}
    return _WORDS.get(word) or {"$ref": f"#/components/schemas/{word}"}


def thing(**keys: str) -> Schema:
    """An object with all of these keys and no others."""
    properties = {key.removesuffix("_"): shape(word) for key, word in keys.items()}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _enumerated(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


_UPTIME: Final = {
    "type": "object",
    "properties": {window: shape("Availability") for window in ("24h", "7d", "30d")},
    "required": ["24h", "7d", "30d"],
    "additionalProperties": False,
}

_INCIDENT: Final = {
    "id": "string",
    "status": "IncidentStatus",
    "severity": "severity",
    "title": "string",
    "root": "string",
    "impacted": "[ServiceStatus]",
    "cause": "Diagnosis?",
    "changes": "[Change]",
    "alerts": "[Alert]",
    "opened_at": "time",
    "resolved_at": "time?",
    "resolved_by": "string?",
    "reopens": "string?",
    "part_of": "string?",
    "told": "[Told]",
    "url": "string",
}

SCHEMAS: Final[dict[str, Schema]] = {
    "Error": thing(type="string", message="string"),
    "Summary": thing(
        total_services="integer",
        healthy_services="integer",
        warning_services="integer",
        critical_services="integer",
        down_services="integer",
        maintenance_services="integer",
        unknown_services="integer",
        active_alerts="integer",
        critical_alerts="integer",
        overall_status="status",
    ),
    "Availability": thing(percent="number?", known_seconds="number"),
    "Uptime": _UPTIME,
    "Check": thing(
        check="string",
        kind="string",
        verdict="status",
        phase="string?",
        reason="string?",
        message="string?",
        took_seconds="number?",
        last_look="time?",
    ),
    "Service": thing(
        name="string",
        status="status",
        since="time?",
        last_check="time?",
        uptime_seconds="number?",
        uptime="Uptime",
        response_time_ms="number?",
        error_rate="number?",
        metrics="{number?}",
        units="{string}",
        dependencies="[string]",
        alerts="[Alert]",
        diagnosis="Diagnosis?",
        metadata="{string}",
        checks="[Check]",
    ),
    "Alert": thing(
        id="string",
        incident="string",
        service="string",
        check="string",
        metric="string?",
        severity="severity",
        status="status",
        message="string",
        value="number?",
        threshold="number?",
        opened_at="time",
        acknowledged_at="time?",
        acknowledged_by="string?",
        resolved_at="time?",
        resolved_by="string?",
        note="string?",
    ),
    "Evidence": thing(service="string", message="string", at="time"),
    "RuledOut": thing(cause="string", why="string"),
    "Diagnosis": thing(
        id="string",
        summary="string",
        confidence="confidence",
        evidence="[Evidence]",
        ruled_out="[RuledOut]",
        remedy="string?",
    ),
    "ServiceStatus": thing(name="string", status="status"),
    "IncidentStatus": _enumerated("open", "resolved"),
    "Told": thing(kind="string", at="time", channels="[string]"),
    "Configuration": thing(
        file="string",
        taken_at="time",
        tried_at="time",
        successful="boolean",
        errors="[string]",
        warnings="[string]",
    ),
    "Incident": thing(**_INCIDENT),
    "Change": thing(at="time", since="time", kind="string", service="string?", message="string", when="string?"),
    "Moment": thing(
        at="time", kind="string", service="string?", what="string?", by="string?", note="string?", message="string?"
    ),
    "IncidentWithTimeline": thing(**_INCIDENT, timeline="[Moment]"),
    "Edge": thing(from_="string", to="string", source="EdgeSource", evidence="string?", response_time_ms="number?"),
    "EdgeSource": _enumerated("configured", "discovered"),
    "Workers": thing(alive="integer", listed="integer"),
    "Node": thing(name="string", status="status", kinds="[string]", message="string?", workers="Workers?"),
    "Topology": thing(services="[Node]", edges="[Edge]"),
    "Explanation": thing(overall_status="status", language="string", incidents="[Incident]", topology="Topology"),
    "Point": thing(at="time", value="number", min="number", max="number", n="integer"),
    "Series": thing(check="string", metric="string", unit="string", points="Points?"),
    "Points": {"type": "array", "items": shape("Point")},
    "Resolution": _enumerated("full", "5m"),
    "History": thing(
        service="string", hours="number", resolution="Resolution", from_="time", to="time", series="[Series]"
    ),
    "Found": thing(
        service="string",
        workers="[FoundWorker]",
        peers="[FoundPeer]",
        routes="[FoundRoute]",
        sessions="[FoundSessions]",
        database="FoundDatabase?",
        firewalls="[FoundFirewall]",
    ),
    "FoundWorker": thing(
        app="string",
        worker="integer",
        pid="integer?",
        alive="boolean",
        gave_up="boolean",
        pm2_status="string",
        restarts="integer",
        since="time?",
        memory_bytes="number?",
    ),
    "FoundPeer": thing(
        upstream="string", peer="string", answer="string", http_status="integer?", took_seconds="number"
    ),
    "FoundRoute": thing(route="string", peer="string"),
    "FoundSessions": thing(application="string", client="string", state="string", sessions="integer"),
    "FoundDatabase": thing(
        host="string?",
        port="integer?",
        name="string?",
        user="string?",
        address="string?",
        version="string?",
        started_at="time?",
        in_recovery="boolean?",
    ),
    "FoundFirewall": thing(
        check="string",
        subject="string?",
        port="integer?",
        address="string?",
        source="string?",
        groups="[string]",
        host_groups="[string]",
        path_open="boolean?",
        reason="string?",
        exposure="string?",
        as_intended="boolean?",
        rules="[FirewallRule]",
        prefix_lists="{Ranges}",
        unexpected="[string]",
        open_with="string?",
        close_with="[string]",
        database_state="string?",
        read_at="time?",
        not_read_because="string?",
        changes="[RulesChange]",
    ),
    "FirewallRule": thing(
        direction="string",
        group="string",
        traffic="string",
        peer="string",
        admits_this_host="boolean",
        unexpected="boolean",
    ),
    "Ranges": {"type": "array", "items": {"type": "string"}},
    "RulesChange": thing(at="time", added="[string]", removed="[string]"),
    "Past": thing(service="string", percent="number?", known_seconds="number", slots="[Slot]"),
    "Slot": thing(
        from_="time", to="time", status="status?", down_seconds="number", percent="number?", known_seconds="number"
    ),
    "PlannedCheck": thing(
        service="string",
        check="string",
        kind="string",
        every_seconds="number",
        timeout_seconds="number",
        last_look="time?",
    ),
    "Kept": thing(
        samples="integer?",
        rollups="integer?",
        series="integer?",
        bytes="integer?",
        oldest="time?",
        error="string?",
    ),
    "ChannelStanding": thing(
        channel="string",
        kind="string?",
        configured="boolean",
        pending="integer",
        oldest_at="time?",
        dead="integer",
        tried_at="time?",
        outcome="Outcome?",
        error="string?",
        delivered_at="time?",
        stopped_at="time?",
        stopped_why="string?",
        refresh_error="string?",
    ),
    "Outcome": _enumerated("delivered", "retried", "dead", "stopped", "abandoned"),
    "Heartbeat": thing(arrived_at="time?", failures="integer", error="string?"),
    "Monitoring": thing(
        running="boolean",
        version="string",
        started_at="time",
        uptime_seconds="number",
        services="integer",
        open_incidents="integer",
        checks="[PlannedCheck]",
        stored_samples="integer?",
        history="Kept",
        unwell="string?",
        store_error="string?",
        channels="[ChannelStanding]",
        configuration="Configuration",
        heartbeat="Heartbeat?",
    ),
    "Silence": thing(
        id="string",
        matchers="{string}",
        starts_at="time",
        ends_at="time",
        active="boolean",
        by="string",
        reason="string",
    ),
    "MaintenanceKind": _enumerated("window", "recurring"),
    "Maintenance": thing(
        id="string",
        kind="MaintenanceKind",
        service="string",
        starts_at="time?",
        ends_at="time?",
        active="boolean",
        by="string",
        reason="string",
        recurring="string?",
        cron="string?",
        time_zone="string?",
        seconds="number",
    ),
    "LooksWanted": thing(service="string", checks="[string]", wanted_at="time"),
    "Ended": thing(id="string"),
}
