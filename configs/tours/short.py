"""The tour of thirty seconds: one movement from a key press to the row in Strapi, and one that Strapi refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.recording.tour import Player


async def tour(t: Player) -> None:
    """Play the tour."""
    await t.caption(
        en="opsci: stock movements on their way through MQTT, Kafka and Strapi, live in one terminal.",
        fr="opsci : des mouvements de stock à travers MQTT, Kafka et Strapi, en direct dans un terminal.",
    )
    await t.wait_match(r"[1-9]\d* produ(cts|its)", seconds=90)
    await t.mark(en="Three panes", fr="Trois volets", shows=("MQTT ●", "Kafka ●", "Strapi ●"))
    t.objects(12, every=0.5)
    await t.pause(6)
    await t.caption(
        en="A product found by its name, and five put in with the keyboard: +, the amount, Enter.",
        fr="Un produit trouvé par son nom, et cinq pièces entrées au clavier : +, la quantité, Entrée.",
    )
    await t.press("3", "slash")
    await t.type("ESP32")
    await t.press("enter", "g", "plus")
    await t.type("5")
    await t.pause(2)
    await t.press("enter")
    await t.wait_match(r"\+5 Carte ESP32.*●━●━● +\d+ → \d+")
    await t.all_done()
    await t.mark(en="One movement", fr="Un mouvement", shows=("+5", "ESP32", "●━●━●"))
    await t.pause(4)
    await t.caption(
        en="More than there is? Strapi refuses it, and it waits among the dead letters with its reason.",
        fr="Plus qu'il n'y en a ? Strapi refuse, et le mouvement attend parmi les lettres mortes avec sa raison.",
    )
    await t.press("minus")
    await t.type("5000")
    await t.press("enter")
    await t.wait_match(r"-5.?000 Carte ESP32.*●━●━✗")
    await t.mark(en="A refused one", fr="Un refus", shows=("✗ 1", "●━●━✗"))
    await t.pause(5)
    await t.press("escape")
    await t.wait_decided()
    await t.caption(
        en="Nothing is lost, and each movement counts once.",
        fr="Rien ne se perd, et chaque mouvement compte une fois.",
    )
    await t.mark(en="The account", fr="Le compte", shows="✗ 1")
    t.still()
    await t.pause(4)
