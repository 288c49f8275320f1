"""The products of a staged chain: some of the catalogue's, as Strapi would tell them."""

from __future__ import annotations

from typing import Final

from bridge.journal import Product

__all__ = ["staged_products"]

_ROWS: Final = (
    (1, "Capteur de température DS18B20", 42, "2000021123397", "safe"),
    (2, "Capteur d'humidité SHT31", 28, "2000083166691", "safe"),
    (3, "Capteur de CO2 SCD41", 9, "2000145209991", "safe"),
    (4, "Détecteur de mouvement PIR", 61, "2000207253290", "safe"),
    (5, "Carte ESP32-C6", 35, "2000269296594", "safe"),
    (6, "Carte Raspberry Pi Pico 2 W", 24, "2000331339891", "safe"),
    (7, "Raspberry Pi 5, 8 Go", 4, "2000393383191", "danger"),
    (8, "Carte microSD 64 Go", 73, "2000455426491", "safe"),
    (9, "Alimentation USB-C 27 W", 18, "2000517469794", "safe"),
    (10, "Batterie LiPo 2000 mAh", 15, "2000579513091", "danger"),
    (11, "Panneau solaire 6 V 3 W", 11, "2000641556391", "safe"),
    (12, "Module LoRa SX1262", 20, "2000703599694", "safe"),
    (13, "Antenne 868 MHz", 32, "2000765642994", "safe"),
    (14, "Passerelle LoRaWAN", 2, "2000827686294", "danger"),
    (15, "Relais 4 canaux", 26, "2000889729595", "safe"),
    (16, "Servomoteur SG90", 88, "2000951772894", "safe"),
    (17, "Moteur pas à pas NEMA 17", 13, "2001013816198", "safe"),
    (18, "Pilote TMC2209", 21, "2001075859492", "safe"),
    (19, "Écran OLED 1,3 pouce", 37, "2001137902791", "safe"),
    (20, "Écran e-paper 4,2 pouces", 6, "2001199946092", "safe"),
    (21, "Lecteur RFID RC522", 44, "2001261989392", "safe"),
    (22, "Lot de 10 badges RFID", 0, "2001324032690", "empty"),
    (23, "Douchette code-barres USB", 8, "2001386075994", "safe"),
    (24, "Imprimante d'étiquettes 58 mm", 3, "2001448119291", "danger"),
)
"""Id, name, stock, barcode, status."""


def staged_products(now: float) -> list[Product]:
    """The products, which Strapi got some hours before `now`, in seconds since the epoch."""
    return [
        Product(number, f"staged{number:02d}", name, stock, barcode, status, 0, now - 7_200 - 61 * number)
        for number, name, stock, barcode, status in _ROWS
    ]
