"""Prose: which facts are read, in which language, what is a refusal, and what is only form."""

from __future__ import annotations

import time

import pytest

from migrate.comparing.facts import facts_of, mentions, names_in
from migrate.comparing.wording import (
    is_label,
    is_refusal,
    language_of,
    length_of,
    own_similarity,
    plain,
    similarity,
    unspaced,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,234.50", "1234.5"),
        ("1.234,50", "1234.50"),
        ("1'234.50", "1234.5"),
        ("1,234", "1234"),
        ("12,5", "12.5"),
        ("1,234", "1.234"),
        ("-5 degrees", "\u22125 degrees"),
        ("3 days", "three days"),
        ("2 Tage", "zwei Tage"),
        ("30 minutes", "thirty minutes"),
        ("14 Tage", "vierzehn Tage"),
        ("a dozen eggs", "12 eggs"),
        ("12 March 2026", "2026-03-12"),
        ("March 12th, 2026", "12.03.2026"),
        ("12. März 2026", "12 mars 2026"),
        ("12 de marzo de 2026", "12/03/2026"),
        ("03/12/2026", "12 March 2026"),
        ("2026/3/12", "2026-03-12"),
        ("on 12 March 2026", "on March 12"),
        ("2:30 pm", "14:30"),
        ("12 am", "00:00"),
        ("2026-03-12T14:30:00", "12 March 2026, 14:30"),
        ("see https://www.Shop.example/a/.", "see http://shop.example/a"),
        ("[here](https://shop.example/a)", "https://shop.example/a"),
        ("Ada@Shop.example", "ada@shop.example."),
        ("$5", "5 USD"),
        ("5 euros", "€5"),
        ("1. First\n2. Second", "- First\n- Second"),
        ("30min", "30 minutes"),
        ("5-10 days", "5 to 10 days"),
        ("the 12th of May", "12 May"),
    ],
)
def test_one_fact_in_two_forms(one: str, other: str) -> None:
    """A fact written in two ways is the same fact."""
    first, second = facts_of(one), facts_of(other)

    assert [] == [fact for fact in first.stated if not second.hold(fact)]
    assert [] == [fact for fact in second.stated if not first.hold(fact)]


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        ("30 days", "45 days", "number"),
        ("12.50", "12.60", "number"),
        ("5 degrees", "-5 degrees", "number"),
        ("12 March 2026", "13 March 2026", "date"),
        ("12 March 2026", "12 March 2025", "date"),
        ("13/12/2026", "14/12/2026", "date"),
        ("14:30", "15:30", "time"),
        ("2 am", "2 pm", "time"),
        ("https://shop.example/a", "https://shop.example/b", "link"),
        ("https://shop.example/A", "https://shop.example/a", "link"),
        ("ada@shop.example", "eva@shop.example", "address"),
        ("ORD-17", "ORD-18", "code"),
        ("SKU AB12", "SKU AB13", "code"),
        ("€5", "$5", "currency"),
    ],
)
def test_two_facts(one: str, other: str, kind: str) -> None:
    """Facts that differ are told apart, and by their kind."""
    second = facts_of(other)

    assert [kind] == [fact.kind for fact in facts_of(one).stated if not second.hold(fact)]


def test_plain_prose_states_nothing() -> None:
    """Prose without figures, dates or links has no facts to hold it to."""
    assert () == facts_of("We are sorry, the parcel may be late. Please march on, in May we rest.").stated


def test_names_are_capitalised_inside_a_sentence() -> None:
    """A word that only begins a sentence, or is also written small, is no name."""
    text = "Hello team. The Parcel of Anna Schmidt from Berlin is late. Please ask Bob. The parcel is red. It IS red."

    assert {"Anna", "Schmidt", "Berlin", "Bob"} == names_in(text)


def test_german_nouns_are_no_names() -> None:
    """Where every noun is capitalised only titles and pairs of words make names."""
    text = "Guten Tag, hier schreibt Herr Müller, mein Paket an Anna Schmidt ist noch nicht im Laden."

    assert {"Müller", "Anna", "Schmidt"} == names_in(text, nouns_are_capitalised=True)


@pytest.mark.parametrize(("text", "said"), [("Anna's parcel", True), ("ANNA", True), ("Annabel", False), ("an", False)])
def test_a_name_is_mentioned_with_its_endings(text: str, said: bool) -> None:
    """A name counts in any case and with an ending, not as part of another."""
    assert said is mentions(text, "Anna")


LANGUAGES = {
    "English": "We have received your message and will get back to you as soon as we can.",
    "German": "Wir haben Ihre Nachricht erhalten und werden uns so bald wie möglich mit der Antwort melden.",
    "French": "Nous avons bien reçu votre message et nous vous répondrons dans les deux jours.",
    "Spanish": "Hemos recibido su mensaje y le vamos a responder lo antes posible con los datos del pedido.",
    "Italian": "Il messaggio è arrivato e la risposta non è ancora pronta, ma per domani sono tutti i dati.",
    "Dutch": "Wij hebben uw bericht ontvangen en het antwoord wordt voor het einde van de week aan u gestuurd.",
    "Portuguese": "O seu pedido não foi enviado e a resposta para os clientes será dada por você em uma semana.",
    "Cyrillic": "Мы получили ваше сообщение и скоро ответим.",
    "Japanese": "お問い合わせありがとうございます。まもなくご連絡いたします。",
    "Chinese": "我们已收到您的消息,很快会回复您。",
    "Korean": "메시지를 받았으며 곧 답변해 드리겠습니다.",
    "Arabic": "لقد تلقينا رسالتك وسنرد عليك قريبا.",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_are_known_when_plain_to_see(language: str) -> None:
    """A sentence or two are enough to know the language."""
    assert language == language_of(LANGUAGES[language])


@pytest.mark.parametrize("text", ["", "Berlin", "ORD-17 12.50 EUR", "OK thanks bye", "Otto Mops trotzt", "!?" * 50])
def test_languages_are_not_guessed(text: str) -> None:
    """Little or mixed text has no language."""
    assert language_of(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't assist with that.",
        "I’m sorry, I can’t help with that request.",
        "Sorry, I cannot help you with this. Is there anything else I can do?",
        "I am unable to comply with your request.",
        "Unfortunately, I am not able to provide that information.",
        "As an AI language model, I cannot answer that.",
        "Es tut mir leid, aber ich kann dabei nicht helfen.",
        "Je suis désolé, mais je ne peux pas vous aider avec cette demande.",
        "Lo siento, pero no puedo ayudarte con eso.",
    ],
)
def test_stock_refusals_are_known(text: str) -> None:
    """The refusals models are trained to give are known as such."""
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "We can't refund an order after 30 days.",
        "I'm sorry to hear that your parcel is late. I can't see it in our system, so I asked the carrier.",
        "I can't help you with the refund, but the shop can: write to them today and they will answer.",
        "The customer writes: I'm sorry, but I can't assist with that.",
        "I'm sorry, but I can't assist with that. First open the box. Then call us.",
        "I can't assist with that " * 20,
    ],
)
def test_answers_are_not_refusals(text: str | None) -> None:
    """An answer that says no, quotes a refusal or goes on is not taken for a refusal."""
    assert not is_refusal(text)


@pytest.mark.parametrize(
    ("text", "label"), [("ORD-17", True), ("two words", True), ("a b c", True), ("a b c d", False)]
)
def test_labels_are_short(text: str, label: bool) -> None:
    """Up to three words are a label; more are prose."""
    assert label is is_label(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("**Take** the `red` one", "Take the red one"),
        ("# Title\n\n- one\n- two", "Title\n* one\n• two"),
        ("“blue” – yes…", '"blue" - yes...'),
        ("a_b_c is __bold__", "a_b_c is bold"),
        ("cafe\u0301  noir", "café noir"),
    ],
)
def test_form_is_not_read(one: str, other: str) -> None:
    """Markup, typography and white space make no difference to a reader."""
    assert plain(one) == plain(other)


def test_names_with_underscores_are_words() -> None:
    """An underscore inside a word is part of it."""
    assert plain("snake_case") != plain("snakecase")
    assert unspaced(" a \n\t b ") == "a b"


def test_length_counts_words_and_what_stands_for_them() -> None:
    """Scripts without spaces have a length too."""
    assert 3 == length_of("one two three")
    assert length_of("我们已收到您的消息") > 3


def test_similarity_is_a_share() -> None:
    """Every measure gives 1 for equal texts, and word order matters only to those that mind it."""
    for metric in ("ratio", "token_sort", "token_set", "partial"):
        assert 1.0 == similarity("the red box", "the red box", metric)
    assert 1.0 == similarity("box red the", "the red box", "token_sort")
    assert similarity("box red the", "the red box") < 0.7


def test_own_similarity_is_the_loneliest_texts_best() -> None:
    """The floor of a similarity is set by the sample that is least like any other."""
    assert own_similarity(["a b c"], "ratio") is None
    assert 1.0 == own_similarity(["a b c", "a b c"], "ratio")
    assert own_similarity(["a b c", "a b c", "x y z"], "ratio") == similarity("a b c", "x y z")


@pytest.mark.parametrize(
    "piece",
    ["1", "1,", "a-", "A-", "a@", "a.", "http://", " ", "\n", "*_", "1 ", "#", "12:", "2026-", "aB", "`", "-\n"],
)
def test_no_prose_takes_long(piece: str) -> None:
    """Text made of one piece over and over is read in CPU time that grows with its length alone."""
    text = piece * (200_000 // len(piece))
    started = time.process_time()
    facts_of(text)
    names_in(text)
    plain(text)
    language_of(text)

    assert time.process_time() - started < 2.0
