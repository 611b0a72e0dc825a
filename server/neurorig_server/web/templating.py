"""Renders the pages: one Jinja environment with autoescape, and the headers that every page carries."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from neurorig_protocols import number_text
from neurorig_protocols.text import job_text
from neurorig_server.web import assets

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        # Plotly makes one empty <style> (the hash) and fills it by script; its SVG carries style attributes.
        "style-src-elem 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # A page may show what only a token may read.
    "Cache-Control": "no-store",
}

# What could end a <script> element or begin a comment in it, as JSON escapes.
_IN_SCRIPT = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def script_json(text: str) -> Markup:
    """Make JSON text safe inside a <script> element; it stays the same JSON."""
    return Markup(text.translate(_IN_SCRIPT))  # noqa: S704 - nothing that HTML could read is left


def page(template: str, context: dict[str, Any], *, status: int = 200) -> HTMLResponse:
    """Render a page."""
    return HTMLResponse(_environment().get_template(template).render(context), status_code=status, headers=HEADERS)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("neurorig_server.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "age": number_text.duration_text,
        "count": number_text.count_text,
        "counted": number_text.counted_text,
        "facts": job_text.facts,
        "meaning": job_text.code_text,
        "needs": job_text.needs_text,
        "percent": number_text.percent_text,
        "plain": number_text.plain_text,
        "quantity": number_text.quantity_text,
        "scenario": job_text.scenario_text,
        "script_json": script_json,
        "sentence": job_text.sentence,
        "workload": job_text.workload_text,
    }
    found.globals |= {
        "asset": assets.url,
        "foreign_style_ids": assets.foreign_style_ids,
        "faults": job_text.FAULTS,
        "grades": job_text.GRADES,
        "kpi_notes": job_text.KPI_NOTES,
        "signed_in": False,
        "refresh_s": None,
        "refresh_url": None,
        "still_url": None,
        "page": "",
        "states": job_text.STATES,
        "version": version("neurorig"),
    }
    return found
