"""Other words for the same sentence: synonyms one for one, and clauses in the other order.

The number of words stays the same, and so does every word that carries a fact: numbers, dates, URLs,
identifiers and capitalised names are never touched, nor is anything inside quotes, code or links.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Literal

Language = Literal["en", "de", "fr", "es", "pt", "pl"]

_SYNONYMS: Final[dict[Language, str]] = {
    "en": """
        quickly: promptly swiftly | rapidly: quickly swiftly | promptly: swiftly quickly | immediately: instantly
        helps: assists | helped: assisted | helping: assisting | shows: displays | showing: displaying
        buy: purchase | bought: purchased | problem: issue | problems: issues | fixed: resolved | fixing: resolving
        approximately: roughly | customer: client | customers: clients | needed: required | begin: start
        begins: starts | starts: begins | large: big | big: large | shortly: soon | soon: shortly | entire: whole
        method: approach | choose: select | choosing: selecting | provide: supply | provides: supplies
        provided: supplied | contains: includes | happened: occurred | happens: occurs | attempt: try
        usually: normally typically | often: frequently | mainly: mostly primarily | nearly: almost | almost: nearly
        therefore: thus hence | package: parcel | parcel: package | glad: happy pleased | happy: glad pleased
        additional: further | allow: permit | allows: permits | allowed: permitted | keep: retain | keeps: retains
        send: dispatch | receive: get | receives: gets | obtain: get | verify: check | checked: verified
        checking: verifying | changed: altered | full: complete | easy: simple | simple: easy
        important: essential | wrong: incorrect | incorrect: wrong | difficult: hard | main: chief principal
        explain: describe | explains: describes | currently: presently | previously: earlier | finally: lastly
        also: additionally | because: since | however: nevertheless | improve: enhance | improves: enhances
        reduce: lower | reduces: lowers | reduced: lowered | final: last | wishes: wants | delayed: late
        only: just | until: till | please: kindly | kept: retained
        colleague: coworker | expected: awaited | shipped: dispatched | offered: proposed | question: query
        remains: stays | ends: finishes | complaint: grievance | original: initial
    """,
    "de": """
        schnell: zügig rasch | ebenfalls: auch gleichfalls | auch: ebenfalls | sofort: umgehend | umgehend: sofort
        jedoch: allerdings | allerdings: jedoch | ungefähr: etwa | beginnt: startet | erhalten: bekommen
        erhält: bekommt | benötigen: brauchen | benötigt: braucht | gerne: gern | gern: gerne | nur: lediglich
        lediglich: nur | oft: häufig | häufig: oft | deshalb: daher | daher: deshalb | bereits: schon
        schon: bereits | wichtig: wesentlich | prüfen: kontrollieren | geprüft: kontrolliert | meistens: meist
        vollständig: komplett | komplett: vollständig | senden: schicken | gesendet: geschickt | momentan: derzeit
        derzeit: momentan | weil: da | kostenlos: gratis kostenfrei | leider: bedauerlicherweise | jetzt: nun
        danach: anschließend | wieder: erneut | wenn: falls | genau: exakt | höchstens: maximal | zuerst: zunächst
        zusätzlich: außerdem | möchten: wollen | insgesamt: gesamt | sehr: äußerst
    """,
    "fr": """
        rapidement: vite promptement | aussi: également | également: aussi | cependant: toutefois
        toutefois: cependant | environ: approximativement | souvent: fréquemment | immédiatement: aussitôt
        seulement: uniquement | uniquement: seulement | très: fort | commence: débute | désormais: dorénavant
        bientôt: prochainement | actuellement: présentement | complet: entier | généralement: habituellement
        envoyer: expédier | envoyé: expédié | vérifier: contrôler | vérifié: contrôlé | simple: facile
        donc: ainsi | désagréable: déplaisant | surtout: notamment | intégralement: entièrement totalement
        désolés: navrés | désolé: navré | car: puisque | choisir: sélectionner | gratuitement: gracieusement
    """,
    "es": """
        también: igualmente | rápidamente: velozmente | solamente: únicamente | únicamente: solamente
        frecuentemente: habitualmente | inmediatamente: enseguida | empieza: comienza | comienza: empieza
        recibir: obtener | recibirá: obtendrá | además: asimismo | problema: inconveniente
        problemas: inconvenientes | enviar: remitir | enviado: remitido | verificar: comprobar
        completo: entero | actualmente: ahora | normalmente: generalmente | generalmente: normalmente
        porque: pues | cuesta: vale | todavía: aún | elegir: escoger | solo: únicamente | contiene: incluye
        necesitamos: requerimos | mandará: enviará | conviene: interesa
    """,
    "pt": """
        também: igualmente | rapidamente: depressa | somente: apenas | apenas: somente | problema: inconveniente
        problemas: inconvenientes | imediatamente: prontamente | começa: inicia | geralmente: normalmente
        normalmente: geralmente | muito: bastante | receber: obter | receberá: obterá | logo: brevemente
        enviar: remeter | enviado: remetido | verificar: conferir | completo: inteiro | atualmente: agora
        acompanhar: seguir | prevista: esperada | previsto: esperado | escolher: selecionar | porque: pois
    """,
    "pl": """
        tylko: jedynie wyłącznie | także: również też | również: także też | teraz: obecnie | jednak: jednakże
        najwyżej: maksymalnie | ponownie: znowu | ponieważ: gdyż | szybko: prędko | bardzo: niezwykle
        często: nierzadko | natychmiast: niezwłocznie | dlatego: toteż | zwykle: zazwyczaj
    """,
}


def _table(text: str) -> dict[str, tuple[str, ...]]:
    entries = (entry.partition(":") for line in text.splitlines() for entry in line.split("|") if entry.strip())
    return {word.strip(): tuple(others.split()) for word, _, others in entries}


SYNONYMS: Final[dict[Language, dict[str, tuple[str, ...]]]] = {
    language: _table(text) for language, text in _SYNONYMS.items()
}

_COMMON_WORDS: Final[dict[Language, str]] = {
    "en": "the and of to is in you your that for with on this are we it be not have was will",
    "de": "der die das und ist nicht ein eine wir sie ich mit für auf von zu den dem wird ihre haben",
    "fr": "le la les des et est une un vous nous dans pour que pas sur avec votre au du ce sont",
    "es": "el la los las y es una un que de en para con su por se no lo más como ha está",
    "pt": "o a os as e é uma um que de em para com seu por se não do da no na está foi você",
    "pl": "i w na z do nie się to jest że po za od przez dla ma są jak ten tego tej oraz czy może lub już",
}
_COMMON: Final = {language: frozenset(words.split()) for language, words in _COMMON_WORDS.items()}

_LOWER_WORD: Final = re.compile(r"(?<![^\s(,;:])[^\W\d_A-Z]{3,}(?![^\s).,;:!?])")
_PROTECTED: Final = re.compile(
    r"```.*?```|`[^`]*`|\"[^\"]*\"|“[^”]*”|„[^“]*“|«[^»]*»|\[[^\]]*\]\([^)]*\)|https?://\S+", re.DOTALL
)
_CLAUSES: Final = re.compile(
    r"(?<![^\s])(If|When|Because|Once) ([a-z][^.,;:!?\n\d\"]{3,80}), "
    r"(?!then\b)([a-z]+ [^.,;:!?\n\d\"]{3,120})([.!])(?=\s|\Z)"
)
_ARTICLE: Final = re.compile(r"\b[Aa]n?\s+\Z")
_WORD: Final = re.compile(r"\w+")


def language_of(text: str) -> Language | None:
    """Return the language whose commonest words the text uses most; None when it uses hardly any."""
    words = [word.lower() for word in _WORD.findall(text)]
    hits = {language: sum(word in common for word in words) for language, common in _COMMON.items()}
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] >= max(1, len(words) // 20) else None


def paraphrase(text: str, strength: float, unit: Callable[..., float]) -> str:
    """Return the text in other words; `unit(*names)` gives the draws, `strength` is the share of words replaced."""
    language = language_of(text)
    if language is None:
        return text
    parts = _outside(text)
    changed = (
        _reworded(part, index, language, strength, unit) if free else part for index, (free, part) in enumerate(parts)
    )
    return "".join(changed)


def _outside(text: str) -> list[tuple[bool, str]]:
    """Return the text in parts, each with whether it may be reworded."""
    parts: list[tuple[bool, str]] = []
    at = 0
    for found in _PROTECTED.finditer(text):
        parts += [(True, text[at : found.start()]), (False, found[0])]
        at = found.end()
    return [*parts, (True, text[at:])]


def _reworded(text: str, part: int, language: Language, strength: float, unit: Callable[..., float]) -> str:
    if language == "en":
        text = _CLAUSES.sub(lambda found: _swapped(found, unit(part, "clause", found.start()), strength), text)
    table = SYNONYMS[language]

    def replaced(found: re.Match[str]) -> str:
        others = table.get(found[0])
        if not others or unit(part, "word", found.start()) >= strength:
            return found[0]
        other = others[int(unit(part, "which", found.start()) * len(others))]
        return other if _fits_article(text[: found.start()], found[0], other) else found[0]

    return _LOWER_WORD.sub(replaced, text)


def _fits_article(before: str, word: str, other: str) -> bool:
    """Say whether an English `a` or `an` in front of the word still fits the other word."""
    return not _ARTICLE.search(before) or (word[0] in "aeiou") == (other[0] in "aeiou")


def _swapped(found: re.Match[str], draw: float, strength: float) -> str:
    """Return `We reply if you write.` for `If you write, we reply.`"""
    if draw >= strength:
        return found[0]
    first, condition, result, end = found.groups()
    return f"{result[0].upper()}{result[1:]} {first.lower()} {condition}{end}"
