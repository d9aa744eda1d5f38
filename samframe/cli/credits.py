"""``samframe credits``: the account's balance."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from samframe.cli.exit import EXIT_CODES, Exit
from samframe.ground.contract import JOB_PRICE_USD
from samframe.segmind import Client, Credits

__all__ = ["add_command"]


def add_command(commands: Any) -> None:
    """Add the command to argparse's subparsers."""
    parser = commands.add_parser(
        "credits",
        help="show the account's balance (free)",
        description="Show the balance of the account that SEGMIND_API_KEY belongs to. The question costs nothing.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="another address of the API (default: SEGMIND_BASE_URL)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Exit:
    """Ask and print."""
    balance = asyncio.run(_ask(Client(base_url=arguments.base_url)))
    total = balance.credits + balance.free_credits
    print(f"credits       ${balance.credits:,.2f}")
    print(f"free credits  ${balance.free_credits:,.2f}")
    print(f"enough for    about {total / JOB_PRICE_USD:,.0f} jobs at ${JOB_PRICE_USD} each")
    return Exit.DONE


async def _ask(client: Client) -> Credits:
    async with client.connect() as connection:
        return await connection.credits()
