"""The tags of the look: what they write, and what they refuse."""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django import forms
from django.contrib.messages import constants as levels
from django.contrib.messages.storage.base import Message
from django.core.paginator import Paginator
from django.template import Context, Engine
from django.templatetags.static import static
from django.test import RequestFactory
from django.utils import timezone, translation
from django.utils.html import escape

ROOT = Path(__file__).resolve().parents[3]
ENGINE = Engine(
    dirs=[str(ROOT / "templates")],
    builtins=[
        "django.templatetags.i18n",
        "django.templatetags.l10n",
        "django.templatetags.static",
        "django.templatetags.tz",
        "marketing.home.templatetags.look",
    ],
)
NEW_YORK = zoneinfo.ZoneInfo("America/New_York")
MOMENT = datetime(2026, 11, 22, 15, 5, tzinfo=UTC)


def render(source: str, values: Mapping[str, object] | None = None) -> str:
    """Render a template source in English."""
    with translation.override("en"):
        return ENGINE.from_string(source).render(Context(dict(values or {})))


class Tags(HTMLParser):
    """Collects the start tags of a page as (name, attributes)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def one(self, name: str) -> dict[str, str | None]:
        """Return the attributes of the only tag of that name."""
        (attributes,) = [attributes for tag, attributes in self.found if tag == name]
        return attributes

    def by_id(self, identifier: str) -> str | None:
        """Return the name of the tag with that id."""
        return next((tag for tag, attributes in self.found if attributes.get("id") == identifier), None)


# Icons and states


def test_icon_points_into_the_sprite_and_is_hidden_from_screen_readers() -> None:
    tags = Tags(render('{% icon "send" "icon-small" %}'))
    assert tags.one("svg") == {"class": "icon icon-small", "aria-hidden": "true", "focusable": "false"}
    assert tags.one("use")["href"] == static("build/icons.svg") + "#send"


@pytest.mark.parametrize("name", ["", "Send", 'x"><script>', "send ", "-send", "send--x"])
def test_icon_refuses_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an icon"):
        render("{% icon name %}", {"name": name})


def test_pill_shows_the_word_escaped() -> None:
    assert render('{% pill "warn" text %}', {"text": "Needs <b>"}) == (
        '<span class="pill pill-warn">Needs &lt;b&gt;</span>'
    )


def test_pill_refuses_a_kind_without_a_colour() -> None:
    with pytest.raises(ValueError, match="no such kind of pill: 'purple'"):
        render('{% pill "purple" "x" %}')


def test_phi_tag_says_what_the_lock_means() -> None:
    html = render("{% phi_tag %}")
    assert 'class="tag tag-phi"' in html
    assert 'title="Protected health information"' in html
    assert "#lock" in html
    assert html.endswith("PHI</span>")


# Times and numbers


def test_when_is_shown_in_the_readers_zone_with_its_name() -> None:
    with timezone.override(NEW_YORK):
        assert render("{{ moment|when }}", {"moment": MOMENT}) == (
            '<time datetime="2026-11-22T10:05:00-05:00">Nov 22, 2026, 10:05 AM EST</time>'
        )


def test_a_moment_of_evidence_has_its_seconds() -> None:
    with timezone.override(NEW_YORK):
        assert render("{{ moment|to_the_second }}", {"moment": MOMENT}) == (
            '<time datetime="2026-11-22T10:05:00-05:00">Nov 22, 2026, 10:05:00 AM EST</time>'
        )
    assert render("{{ moment|to_the_second }}", {"moment": None}) == ""


def test_when_follows_daylight_saving() -> None:
    with timezone.override(NEW_YORK):
        html = render("{{ moment|when }}", {"moment": datetime(2026, 7, 1, 4, 0, tzinfo=UTC)})
    assert "Jul 1, 2026, 12:00 AM EDT" in html


def test_when_names_a_zone_without_letters_by_its_distance_from_utc() -> None:
    with timezone.override(zoneinfo.ZoneInfo("America/Sao_Paulo")):
        assert "12:05 PM UTC-03<" in render("{{ moment|when }}", {"moment": MOMENT})


def test_an_id_stays_an_id_and_a_number_is_grouped() -> None:
    assert render('<input value="{{ pk }}"> {{ pk|num }}', {"pk": 1204}) == '<input value="1204"> 1,204'


def test_in_a_list_the_present_year_is_left_out_and_another_is_not() -> None:
    this_year = timezone.now().replace(month=3, day=2, hour=17, minute=5)
    with timezone.override("America/Chicago"):
        assert ">Mar 2, 11:05 AM CST</time>" in render("{{ moment|when_short }}", {"moment": this_year})
        last = this_year.replace(year=this_year.year - 1)
        assert f">Mar 2, {last.year}, 11:05 AM CST</time>" in render(
            "{{ moment|when_short }}", {"moment": last}
        )
    with pytest.raises(ValueError, match="without a time zone"):
        render("{{ moment|when_short }}", {"moment": this_year.replace(tzinfo=None)})


def test_when_shows_nothing_for_none() -> None:
    assert render("{{ moment|when }}", {"moment": None}) == ""


def test_when_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        render("{{ moment|when }}", {"moment": MOMENT.replace(tzinfo=None)})


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, "0"),
        (999, "999"),
        (12480, "12,480"),
        (-1234567, "-1,234,567"),
        (Decimal("1234.5"), "1,234.5"),
        (None, "—"),
    ],
)
def test_num_groups_thousands_as_tag_and_as_filter(number: int | Decimal | None, written: str) -> None:
    assert render("{% num n %}", {"n": number}) == written
    assert render("{{ n|num }}", {"n": number}) == written


# Progress


def test_progress_says_the_same_in_the_bar_and_in_words() -> None:
    html = render('{% progress 7912 12480 "Sending" %}')
    assert Tags(html).one("progress") == {"aria-label": "Sending", "value": "7912", "max": "12480"}
    assert "7,912 of 12,480" in html


def test_progress_of_an_unknown_total_claims_no_share() -> None:
    html = render('{% progress 1500 None "Reading the file" %}')
    assert Tags(html).one("progress") == {"aria-label": "Reading the file"}
    assert "1,500 so far" in html


@pytest.mark.parametrize(
    ("done", "total", "value", "most"), [(12, 10, "10", "10"), (-1, 10, "0", "10"), (0, 0, "0", "1")]
)
def test_progress_stays_within_its_bar(done: int, total: int, value: str, most: str) -> None:
    bar = Tags(render('{% progress done total "x" %}', {"done": done, "total": total})).one("progress")
    assert (bar["value"], bar["max"]) == (value, most)


def test_listing_can_be_scrolled_by_keyboard_and_has_a_name() -> None:
    html = render("{% listing label %}<table></table>{% endlisting %}", {"label": 'A "b"'})
    assert Tags(html).one("div") == {
        "class": "listing-wrap",
        "role": "region",
        "tabindex": "0",
        "aria-label": 'A "b"',
    }
    assert "<table></table>" in html


# Fields


class CampaignForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(
        label="Name",
        help_text="Only staff see it.",
        widget=forms.TextInput(attrs={"placeholder": "Name", "class": "w-50"}),
    )
    purpose = forms.ChoiceField(choices=[("a", "Care")])
    counted = forms.ChoiceField(choices=[("t", "Totals")], widget=forms.RadioSelect, help_text="How much.")
    quiet = forms.BooleanField(required=False)
    note = forms.CharField(required=False, widget=forms.Textarea)
    key = forms.CharField(widget=forms.HiddenInput, initial="k")


def render_field(name: str, values: Mapping[str, str] | None = None) -> str:
    """Render one field of the form, bound if values are given."""
    form = CampaignForm(values) if values is not None else CampaignForm()
    return render("{% field bound %}", {"bound": form[name]})


def test_field_ties_help_and_error_to_the_control() -> None:
    tags = Tags(render_field("name", {"name": ""}))
    control = tags.one("input")
    assert control["aria-invalid"] == "true"
    described_by = (control["aria-describedby"] or "").split()
    assert described_by == ["id_name_helptext", "id_name_error"]
    assert [tags.by_id(identifier) for identifier in described_by] == ["div", "div"]
    assert tags.one("label")["for"] == "id_name"


def test_field_without_a_mistake_shows_none() -> None:
    html = render_field("name", {"name": "Flu"})
    assert "aria-invalid" not in html
    assert "field-error" not in html


def test_field_keeps_the_widgets_own_class_and_drops_the_placeholder() -> None:
    control = Tags(render_field("name")).one("input")
    assert control["class"] == "form-control w-50"
    assert "placeholder" not in control


def test_field_keeps_a_placeholder_that_is_an_example() -> None:
    class ExampleForm(forms.Form):
        domain = forms.CharField(
            widget=forms.TextInput(attrs={"placeholder": "mail.example.org", "data-example": "1"})
        )

    control = Tags(render("{% field bound %}", {"bound": ExampleForm()["domain"]})).one("input")
    assert control["placeholder"] == "mail.example.org"


def test_field_groups_choices_under_a_legend_that_carries_help_and_error() -> None:
    tags = Tags(render_field("counted", {}))
    fieldset = tags.one("fieldset")
    assert fieldset["aria-describedby"] == "id_counted_helptext id_counted_error"
    assert tags.by_id("id_counted_helptext") == "div"
    assert tags.by_id("id_counted_error") == "div"
    assert "legend" in [name for name, _attributes in tags.found]


@pytest.mark.parametrize(
    ("name", "tag", "css_class"),
    [
        ("purpose", "select", "form-select"),
        ("note", "textarea", "form-control"),
        ("quiet", "input", "form-check-input"),
    ],
)
def test_field_gives_each_control_its_class(name: str, tag: str, css_class: str) -> None:
    assert Tags(render_field(name)).one(tag)["class"] == css_class


def test_field_marks_what_may_stay_empty() -> None:
    assert "(optional)" in render_field("note")
    assert "(optional)" not in render_field("name")


def test_hidden_field_is_only_its_control() -> None:
    assert [name for name, _attributes in Tags(render_field("key")).found] == ["input"]


def test_summary_of_mistakes_leads_to_each_field_and_takes_the_focus() -> None:
    form = CampaignForm({"name": "Flu", "purpose": "z", "key": "k"})
    tags = Tags(render('{% include "partials/form_fields.html" %}', {"form": form}))
    summary = next(attributes for _name, attributes in tags.found if attributes.get("class") == "form-errors")
    assert "data-takes-focus" in summary
    assert summary["tabindex"] == "-1"
    targets = [attributes["href"] for name, attributes in tags.found if name == "a"]
    assert targets == ["#id_purpose", "#id_counted"]
    assert all(tags.by_id((target or "")[1:]) for target in targets)


def test_form_without_mistakes_has_no_summary() -> None:
    assert "form-errors" not in render('{% include "partials/form_fields.html" %}', {"form": CampaignForm()})


# Flash messages


@pytest.mark.parametrize(
    ("level", "kind", "leaves"),
    [
        (levels.SUCCESS, "ok", True),
        (levels.INFO, "info", True),
        (levels.WARNING, "warn", False),
        (levels.ERROR, "bad", False),
    ],
)
def test_only_good_news_leaves_by_itself(level: int, kind: str, leaves: bool) -> None:
    html = render("{% flash_message m %}", {"m": Message(level, "Saved <b>")})
    assert f"flash-{kind}" in html
    assert ("data-leaves" in html) is leaves
    assert "Saved &lt;b&gt;" in html


def test_undo_posts_with_the_token_and_stays() -> None:
    message = Message(levels.SUCCESS, "Removed.", extra_tags="undo=/lists/7/undo/?n=1")
    html = render("{% flash_message m %}", {"m": message, "csrf_token": "the-token"})
    form = Tags(html).one("form")
    assert form == {"method": "post", "action": "/lists/7/undo/?n=1"}
    assert 'value="the-token"' in html
    assert "data-leaves" not in html


@pytest.mark.parametrize(
    "tags",
    [
        "undo=//evil.example/",
        "undo=/\\evil.example/",
        "undo=https://evil.example/",
        "undo=javascript:x",
        "undo=",
        "other=/x/",
    ],
)
def test_undo_never_leads_to_another_site(tags: str) -> None:
    assert "<form" not in render(
        "{% flash_message m %}", {"m": Message(levels.SUCCESS, "x", extra_tags=tags)}
    )


# Pages of a list


def links(html: str) -> list[str | None]:
    """Return the addresses of all links."""
    return [attributes["href"] for name, attributes in Tags(html).found if name == "a"]


def test_page_links_keep_the_filters() -> None:
    page = Paginator(range(240), 25).page(4)
    request = RequestFactory().get("/contacts/", {"q": "a b", "topic": ["x", "y"], "page": "4"})
    html = render("{% page_links page %}", {"page": page, "request": request})
    found = links(html)
    kept = "?q=a+b&topic=x&topic=y&page="
    assert found == [kept + number for number in ("3", "1", "2", "3", "4", "5", "10", "5")]
    (current,) = [attributes for _name, attributes in Tags(html).found if "aria-current" in attributes]
    assert current["href"] == f"{kept}4"
    assert "76 to 100 of 240" in html


def test_page_links_escape_what_came_with_the_request() -> None:
    request = RequestFactory().get("/contacts/", {"q": '"><script>'})
    html = render("{% page_links page %}", {"page": Paginator(range(50), 25).page(1), "request": request})
    assert "<script>" not in html
    assert escape("?q=%22%3E%3Cscript%3E&page=2") in html


def test_first_and_last_page_lead_nowhere_beyond() -> None:
    first = render("{% page_links page %}", {"page": Paginator(range(50), 25).page(1)})
    last = render("{% page_links page %}", {"page": Paginator(range(50), 25).page(2)})
    assert 'rel="prev"' not in first
    assert 'rel="next"' in first
    assert 'rel="prev"' in last
    assert 'rel="next"' not in last


def test_a_single_page_needs_no_links() -> None:
    assert render("{% page_links page %}", {"page": Paginator(range(3), 25).page(1)}).strip() == ""


@dataclass(frozen=True)
class Neighbours:
    """A page read by key."""

    previous_url: str | None
    next_url: str | None


def test_keyset_page_shows_its_neighbours_only() -> None:
    html = render("{% page_links page %}", {"page": Neighbours(None, "?after=17&q=x")})
    assert links(html) == ["?after=17&q=x"]
    assert 'rel="next"' in html


# Every template


TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template_obeys_the_content_security_policy(path: Path) -> None:
    """No inline style, style element, inline script or handler: the policy would drop them without a word."""
    source = path.read_text(encoding="utf-8")
    ENGINE.from_string(source)
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=|hx-on|javascript:|[\"']js:", source)
    assert not re.search(r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")", source)


@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html"])
def test_error_page_needs_no_context_and_shows_the_request_id(name: str) -> None:
    with translation.override("en"):
        template = ENGINE.get_template(name)
        assert "<h1" in template.render(Context())
        assert "01JD8K2" in template.render(Context({"request_id": "01JD8K2"}))


@pytest.mark.parametrize(("language", "other", "word"), [("en", "es", "Español"), ("es", "en", "English")])
def test_patient_page_offers_the_other_language_and_has_no_script(
    language: str, other: str, word: str
) -> None:
    with translation.override(language):
        html = ENGINE.get_template("patient/base.html").render(Context({"brand_name": "Northfield Health"}))
    tags = Tags(html)
    assert tags.one("html")["lang"] == language
    (link,) = [attributes for name, attributes in tags.found if name == "a" and "hreflang" in attributes]
    assert link == {"href": f"?l={other}", "lang": other, "hreflang": other}
    assert word in html
    assert "<script" not in html
    robots = [
        attributes["content"]
        for _name, attributes in tags.found
        if attributes.get("name") in {"robots", "referrer"}
    ]
    assert robots == ["noindex, nofollow", "no-referrer"]
