"""The tour in the program (`T`): about a minute on the user's own chain. It leaves everything as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.guided_tour import Guide


async def tour(t: Guide) -> None:
    """Play the tour."""
    await t.explain(
        "mqtt",
        en="Pane 1 is MQTT: objects and people publish movements, and the broker keeps each one until Kafka has it.",
        fr="Le volet 1, c'est MQTT : objets et personnes publient des mouvements, et le courtier garde chacun jusqu'à "
        "ce que Kafka l'ait.",
    )
    await t.explain(
        "kafka",
        en="Pane 2 is Kafka: each movement is saved under its place, and waits there for as long as Strapi is away.",
        fr="Le volet 2, c'est Kafka : chaque mouvement y est enregistré, et attend tant que Strapi est absent.",
    )
    await t.explain(
        "stock",
        en="Pane 3 is the stock in Strapi, where each movement counts once: applied, or refused with its reason.",
        fr="Le volet 3, c'est le stock dans Strapi, où chaque mouvement compte une fois : appliqué, ou refusé avec sa "
        "raison.",
    )
    await t.explain(
        "form",
        en="Below, you move stock yourself: a product, an amount, Enter. It shows the effect before you send.",
        fr="En bas, vous modifiez le stock : un produit, une quantité, Entrée. L'effet est montré avant l'envoi.",
    )
    await move(t)
    await t.explain(
        "stock",
        en="That is the whole chain. Everything is as it was. ? lists every key, a starts simulated sensors.",
        fr="Voilà toute la chaîne. Tout est comme avant. ? donne toutes les touches, a lance des capteurs simulés.",
    )


async def move(t: Guide) -> None:
    """Move a stock and move it back, or say why not."""
    product = t.product
    if product is None:
        await t.explain(
            "stock",
            en="No product is known, so this tour moves nothing. `python3 -m stack seed` brings some.",
            fr="Aucun produit n'est connu : la visite ne modifie rien. `python3 -m stack seed` en ajoute.",
        )
        return
    if not t.may_move:
        await t.explain(
            "stock",
            en="Another engine carries this chain and this screen only watches, so this tour moves nothing.",
            fr="Un autre moteur porte cette chaîne et cet écran observe : la visite ne modifie rien.",
        )
        return
    await t.explain(
        "stock",
        en=f"Next, this tour adds one {product.name} and then takes it away again. Esc leaves before it does.",
        fr=f"Ensuite, la visite ajoute une pièce de {product.name}, puis la retire. Échap la quitte avant.",
    )
    await t.publish(product.id, 1)
    await t.explain(
        "stock",
        en="Added: the line below shows its way, with the time of each hop. Now it is taken away again.",
        fr="Ajoutée : la ligne du bas montre son parcours et la durée de chaque étape. La voici retirée.",
    )
    await t.publish(product.id, -1)
    if t.may_stop_servers:
        await t.explain(
            "stock",
            en="Next, this tour stops Strapi, moves that stock up and down, and starts Strapi again. Esc leaves.",
            fr="Ensuite, la visite arrête Strapi, ajoute et retire une pièce, puis relance Strapi. Échap quitte.",
        )
        await t.stop_server("strapi")
        await t.publish(product.id, 1, waits=True)
        await t.publish(product.id, -1, waits=True)
        await t.explain(
            "kafka",
            en="Strapi is away, and both movements wait in Kafka: nothing is lost. Now Strapi starts again.",
            fr="Strapi est absent, et les deux mouvements attendent dans Kafka : rien n'est perdu. Strapi redémarre.",
        )
        await t.start_server("strapi")
        await t.settled()
