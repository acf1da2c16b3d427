"""The reader's language: gettext through Babel, and numbers and dates as that language writes them.

English is the language of the source; French lies in ``arena/translations``. The locale is the cookie's,
else the best of Accept-Language.
"""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime
from gettext import NullTranslations

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.support import Translations
from flask import Flask, g, has_request_context, request

from arena import paths

LOCALES = ("en", "fr")
NAMES = {"en": "English", "fr": "Français"}
COOKIE = "language"


def install(app: Flask) -> None:
    """Give the templates their words and the filters that write numbers and dates."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(gettext, _plural, newstyle=True)  # type: ignore[attr-defined]
    app.jinja_env.filters.update(
        number=number,
        roughly=roughly,
        decimal=decimal,
        percent=percent,
        moment=moment,
        day=day,
        bytes=size,
    )


def locale() -> str:
    """The locale of this request, one of `LOCALES`."""
    if not has_request_context():
        return LOCALES[0]
    if "locale" not in g:
        asked = request.cookies.get(COOKIE, "")
        g.locale = asked if asked in LOCALES else request.accept_languages.best_match(LOCALES, LOCALES[0])
    return str(g.locale)


@functools.cache
def catalogue(name: str) -> NullTranslations:
    """The words of a locale; English needs none."""
    return Translations.load(str(paths.translations()), [name])


def gettext(message: str, **values: object) -> str:
    """The message in the reader's language, with its values filled in."""
    told = catalogue(locale()).gettext(message)
    return told % values if values else told


def ngettext(one: str, many: str, n: int, **values: object) -> str:
    """The message for a count in the reader's language; ``%(num)s`` is the count as it is written."""
    return _plural(one, many, n) % {"num": number(n), **values}


def _plural(one: str, many: str, n: int) -> str:
    return catalogue(locale()).ngettext(one, many, n)


def noted(message: str) -> str:
    """Mark a message for translation where it is only kept; `gettext` says it later."""
    return message


def number(value: float) -> str:
    """A whole number with the separators of the language: 12,345 or 12 345."""
    return numbers.format_decimal(round(value), format="#,##0", locale=locale())


def roughly(value: float) -> str:
    """An estimated count, to two significant figures from a hundred on: 12,000 for 12,345."""
    return number(float(f"{value:.2g}") if value >= 100 else value)


def decimal(value: float, digits: int = 1) -> str:
    """A number with a fixed count of decimals."""
    return numbers.format_decimal(
        value, format="#,##0." + "0" * digits if digits else "#,##0", locale=locale()
    )


def percent(value: float, digits: int = 0) -> str:
    """A share of 1 as a percentage."""
    pattern = Locale.parse(locale()).percent_formats[None].pattern
    shape = "0." + "0" * digits if digits else "0"
    return numbers.format_percent(value, format=pattern.replace("#,##0", shape), locale=locale())


def moment(value: datetime) -> str:
    """A date with its time, in UTC."""
    told = value.astimezone(UTC)
    day_told = dates.format_date(told, format="d MMMM y", locale=locale())
    return f"{day_told}, {dates.format_time(told, format='HH:mm', locale=locale())} UTC"


def day(value: date) -> str:
    """A date alone; of a moment, its date in UTC."""
    told = value.astimezone(UTC) if isinstance(value, datetime) else value
    return dates.format_date(told, format="d MMMM y", locale=locale())


def language(code: str) -> str:
    """The name of a language, such as ``en`` or ``pt-BR``; a code that nobody knows is told as it is."""
    try:
        return Locale.parse(code, sep="-").get_display_name(locale()) or code
    except (UnknownLocaleError, ValueError):
        return code


def size(value: int) -> str:
    """A length in bytes for people: 312 kB, 1.4 MB."""
    if value >= 1_000_000:
        return gettext("%(n)s MB", n=decimal(value / 1_000_000))
    return gettext("%(n)s kB", n=number(max(1, value / 1000)))
