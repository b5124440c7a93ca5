"""A run's configuration: TOML in, every room's own settings out, all faults at once.

Nothing heavy is imported here, so that a mistake is answered in well under a second.
"""

from unibridge.config.load import check_config, load_config, stage_settings
from unibridge.config.overrides import override
from unibridge.config.sections import Config, RunSection, with_settings
from unibridge.config.several import load_configs

__all__ = [
    "Config",
    "RunSection",
    "check_config",
    "load_config",
    "load_configs",
    "override",
    "stage_settings",
    "with_settings",
]
