"""The commands of local models."""

from samframe.cli.local_models.options import add_local_options, check_no_local_options, local_options

__all__ = ["add_local_options", "check_no_local_options", "local_options"]
