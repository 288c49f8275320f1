"""The full tour: the whole chain in four minutes, for servers with nothing but the catalogue.

Play it with `opsci-tui record --tour configs/tours/demo.py --out demo.cast --mp4 demo.mp4`, or with `--stepped`. It
waits only for figures, signs and names, which are the same in every language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.recording.tour import Player


async def tour(t: Player) -> None:
    """Play the chapters."""
    await opening(t)
    await three_panes(t)
    await the_form(t)
    await the_keyboard(t)
    await one_movement(t)
    await a_rejected_one(t)
    await nothing_is_lost(t)
    await the_account(t)


async def opening(t: Player) -> None:
    """Show what opsci is."""
    await t.caption(
        en="Connected objects say over MQTT that stock moved. A bridge carries it into Kafka, and Strapi changes the "
        "stock. opsci is that bridge, and shows it live in a terminal.",
        fr="Des objets connectés disent par MQTT qu'un stock a bougé. Un pont le porte dans Kafka, et Strapi change le "
        "stock. opsci est ce pont, et le montre en direct dans un terminal.",
    )
    await t.wait_for("ESP32", seconds=90)
    for server in ("MQTT ●", "Kafka ●", "Strapi ●"):
        await t.wait_for(server, seconds=90)
    await t.mark(en="The chain", fr="La chaîne", shows=("MQTT ●", "Kafka ●", "Strapi ●", "ESP32"))
    await t.pause(12)
    await t.caption(
        en="The panes are the chain, from left to right: three servers, and between them how long each hop takes.",
        fr="Les volets sont la chaîne, de gauche à droite : trois serveurs, et entre eux le temps de chaque étape.",
    )
    await t.pause(10)


async def three_panes(t: Player) -> None:
    """Let objects send, and follow their movements through the panes."""
    await t.caption(
        en="Objects send now. On the left each message as it came over MQTT, with the product and the amount.",
        fr="Des objets envoient. À gauche chaque message tel qu'il est venu par MQTT, avec le produit et la quantité.",
    )
    await t.mark(en="Three panes", fr="Trois volets", shows=("1 MQTT", "2 Kafka", "3 "))
    t.objects(24, every=0.8)
    await t.pause(9)
    await t.caption(
        en="In the middle the same movements as Kafka has them: topic, partition and offset, key, time until the "
        "acknowledgement. Only then the bridge acknowledges to MQTT.",
        fr="Au milieu les mêmes mouvements dans Kafka : topic, partition et offset, clé, délai d'acquittement. "
        "Ce n'est qu'alors que le pont acquitte auprès de MQTT.",
    )
    await t.pause(11)
    await t.caption(
        en="On the right the stock in Strapi: it changes within milliseconds, and what changed is marked.",
        fr="À droite le stock dans Strapi : il change en quelques millisecondes, et ce qui change est marqué.",
    )
    await t.all_done()
    await t.wait_match(r"✓ 24 \w+ +✗ 0 ")
    await t.pause(8)


async def the_form(t: Player) -> None:
    """Send a movement from the form."""
    await t.caption(
        en="A person moves stock too. 4 goes to the form; a part of the name finds the product.",
        fr="Une personne aussi déplace du stock. 4 mène au formulaire ; un bout du nom trouve le produit.",
    )
    await t.mark(en="The form", fr="Le formulaire", shows="✓ 24")
    await t.press("4")
    await t.type("ESP32")
    await t.pause(3)
    await t.press("enter")
    await t.type("+5")
    await t.caption(
        en="Before it is sent, the form says what it will make of the stock.",
        fr="Avant l'envoi, le formulaire dit ce que le stock deviendra.",
    )
    await t.wait_for("35 → 40")
    await t.pause(5)
    await t.press("enter")
    await t.caption(
        en="And here is its way: sent, in MQTT, in Kafka, in Strapi.",
        fr="Et voici son chemin : envoyé, dans MQTT, dans Kafka, dans Strapi.",
    )
    await t.wait_match(r"\+5 Carte ESP32.*●━●━● +35 → 40")
    await t.pause(8)
    await t.press("escape")


async def the_keyboard(t: Player) -> None:
    """Send a movement from a row of the stock."""
    await t.caption(
        en="Faster: on a product, + and an amount, Enter. u takes it back.",
        fr="Plus vite : sur un produit, + et une quantité, Entrée. u le reprend.",
    )
    await t.mark(en="The keyboard", fr="Le clavier", shows="35 → 40")
    await t.press("3", "g", "j", "j", "plus")
    await t.type("12")
    await t.wait_for("9 → 21")
    await t.pause(3)
    await t.press("enter")
    await t.wait_match(r"\+12 Capteur de CO2.*●━●━● +9 → 21")
    await t.pause(5)
    await t.press("u")
    await t.wait_for("21 → 9")
    await t.pause(3)
    await t.press("enter")
    await t.wait_match(r"-12 Capteur de CO2.*●━●━● +21 → 9")
    await t.pause(7)


async def one_movement(t: Player) -> None:
    """Show one movement in all panes."""
    await t.caption(
        en="Select a record: the movement lights up in all three panes, and its way is drawn below them.",
        fr="Choisissez une ligne : le mouvement s'allume dans les trois volets, et son chemin est tracé dessous.",
    )
    await t.mark(en="One movement", fr="Un mouvement", shows="21 → 9")
    await t.press("1", "k", "k", "k")
    await t.pause(6)
    await t.press("k", "k")
    await t.pause(5)
    await t.caption(
        en="Enter shows it in full: the payload, its identity, and the time of every hop.",
        fr="Entrée le montre en entier : le contenu, son identité, et le temps de chaque étape.",
    )
    await t.press("enter")
    await t.wait_for('"amount"')
    await t.pause(11)
    await t.press("escape")
    await t.wait_gone('"amount"')
    await t.press("end")


async def a_rejected_one(t: Player) -> None:
    """Show that a movement that can't be applied is kept."""
    await t.caption(
        en="Take 5,000 where there are 40? The screen warns, and Strapi refuses: stock never falls below zero.",
        fr="En sortir 5 000 quand il y en a 40 ? L'écran prévient, et Strapi refuse : le stock n'est jamais négatif.",
    )
    await t.mark(en="A rejected one", fr="Un mouvement refusé", shows="✓ 27")
    await t.press("3", "g", "j", "j", "j", "j", "minus")
    await t.type("5000")
    await t.pause(5)
    await t.press("enter")
    await t.wait_match(r"-5.?000 Carte ESP32.*●━●━✗")
    await t.wait_for("✗ 1")
    await t.pause(6)
    await t.caption(
        en="It is not dropped: d shows the dead letters, with the reason and the original bytes. There they can be "
        "mended, and sent again.",
        fr="Il n'est pas perdu : d montre les lettres mortes, avec la raison et les octets d'origine. On peut les y "
        "corriger, et les renvoyer.",
    )
    await t.press("d")
    await t.wait_for("5000")
    await t.mark(en="The dead letters", fr="Les lettres mortes", shows="5000")
    await t.pause(11)
    await t.press("escape")
    await t.wait_gone('{"id"')


async def nothing_is_lost(t: Player) -> None:
    """Stop a server and start it again."""
    await t.wait_for("✗ 1")
    await t.caption(
        en="Now Strapi is stopped, in the middle of the work.",
        fr="Maintenant, Strapi est arrêté, en plein travail.",
    )
    await t.stop_server("strapi")
    t.objects(15, every=0.7)
    await t.wait_for("✗ Strapi", seconds=60)
    await t.caption(
        en="The screen says so, and what to do. Objects go on: MQTT and Kafka take their movements, which wait.",
        fr="L'écran le dit, et quoi faire. Les objets continuent : MQTT et Kafka prennent leurs mouvements, qui "
        "attendent.",
    )
    await t.mark(en="Strapi is gone", fr="Strapi est parti", shows="✗ Strapi")
    await t.press("3", "g", "plus")
    await t.type("7")
    await t.press("enter")
    await t.pause(8)
    await t.all_done(seconds=60)
    await t.pause(5)
    await t.caption(
        en="Strapi starts again. The bridge notices by itself and goes on where it was.",
        fr="Strapi redémarre. Le pont le remarque tout seul et reprend où il en était.",
    )
    await t.start_server("strapi")
    await t.wait_for("Strapi ●", seconds=120)
    await t.all_done(seconds=120)
    await t.wait_decided(seconds=120)
    await t.wait_match(r"\+7 Capteur de temp.*●━●━● +\d+ → \d+")
    await t.mark(en="Nothing is lost", fr="Rien n'est perdu", shows=("Strapi ●", "✓ 43"))
    await t.pause(6)


async def the_account(t: Player) -> None:
    """Show that the counts agree."""
    await t.caption(
        en="All that waited is applied, each movement once: 44 came over MQTT, 44 are in Kafka, 43 are in the stock "
        "and 1 is a dead letter. The account is even.",
        fr="Tout ce qui attendait est appliqué, chaque mouvement une fois : 44 venus par MQTT, 44 dans Kafka, 43 dans "
        "le stock et 1 lettre morte. Le compte est juste.",
    )
    await t.press("1", "end")
    await t.mark(en="The account", fr="Le compte", shows=("44 re", "✓ 43", "✗ 1"))
    await t.pause(16)
    t.still()
    await t.caption(
        en="opsci: one terminal, three hops, nothing lost. python3 -m stack run opens it on your machine.",
        fr="opsci : un terminal, trois étapes, rien de perdu. python3 -m stack run l'ouvre chez vous.",
    )
    await t.pause(8)
