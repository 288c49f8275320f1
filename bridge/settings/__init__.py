"""Settings: typed, with defaults, from flags, the environment and a TOML file, in that order of precedence."""

from bridge.settings.model import (
    ApplySettings,
    IngestSettings,
    KafkaSettings,
    LogSettings,
    MqttSettings,
    ScreenSettings,
    Settings,
    StrapiSettings,
    WatchSettings,
)
from bridge.settings.preset import Preset

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
