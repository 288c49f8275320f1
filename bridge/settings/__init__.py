"""Typed settings with defaults, from flags, the environment and a TOML file, in that order of precedence."""

from bridge.settings.model import (
    ApplySettings,
    IngestSettings,
    KafkaSettings,
    LogSettings,
    MqttSettings,
    Preset,
    ScreenSettings,
    Settings,
    StrapiSettings,
    WatchSettings,
)

__all__ = [
    "ApplySettings",
    "IngestSettings",
    "KafkaSettings",
    "LogSettings",
    "MqttSettings",
    "Preset",
    "ScreenSettings",
    "Settings",
    "StrapiSettings",
    "WatchSettings",
]
