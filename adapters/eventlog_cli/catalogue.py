"""Every command, in groups, in one line each: what `eventlog --help` prints.

Rule: nothing is imported here, so that help is there at once. A command's own module is imported
when it is run; a test holds these lines to the commands.
"""

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """Where a command is, and what it does."""

    place: str
    """Module of eventlog_cli.commands, and the name there."""
    says: str


GROUPS: Final = {
    "Read": {
        "sessions": Entry("listing:sessions", "List conversations, the latest first."),
        "show": Entry("reading:show", "Show the items of a conversation, now or as they were."),
        "log": Entry("reading:log", "Show every event of a conversation."),
        "diff": Entry("reading:diff", "Compare what a conversation was at two moments."),
        "branches": Entry("listing:branches", "Show the branches and forks of a conversation."),
        "turns": Entry("counting:turns", "List the turns of a conversation and what each used."),
        "usage": Entry("counting:usage", "Tell what was used, and what that costs."),
        "tools": Entry("counting:tools", "Tell what became of the calls of each tool."),
        "search": Entry("counting:search", "Find items by their words."),
        "tail": Entry("following:tail", "Show the last events of the log, and those that come."),
        "web": Entry("viewer:web", "Show the log in a browser, until Ctrl-C."),
        "share": Entry("viewer:share", "Write a conversation as one HTML file."),
        "stats": Entry("checking:stats", "Tell how much is in the log, and where its views are."),
    },
    "Change": {
        "undo": Entry("changing:undo", "Take the last turns off the list."),
        "redo": Entry("changing:redo", "Take the last undo back."),
        "restore": Entry("changing:restore", "Make the list again what it was at a moment."),
        "clear": Entry("changing:clear", "Empty the list."),
        "fork": Entry("forking:fork", "Begin a new conversation with what one is, or was."),
        "label": Entry("forking:label", "Give a conversation a title, an owner or tags."),
        "archive": Entry("closing:archive", "Close a conversation to whoever would still write."),
        "unarchive": Entry("closing:unarchive", "Open a conversation that was archived."),
    },
    "Move": {
        "import": Entry("moving:import_", "Copy what sessions of the OpenAI Agents SDK stored."),
        "export": Entry("moving:export", "Print a conversation, or write an owner's to files."),
        "backup": Entry("upkeep:backup", "Copy a SQLite log while it is in use."),
        "recover": Entry("upkeep:recover", "Put a backup of a SQLite log back."),
    },
    "Prove": {
        "verify": Entry("checking:verify", "Check that every event is as it was written."),
        "head": Entry("proving:head", "Sign for every event that is there."),
        "evidence": Entry("proving:evidence", "Gather conversations and what proves them."),
        "receipt": Entry("proving:receipt", "Make the receipt of an erasure again."),
        "keys": Entry("keying:keys", "Make keys, and change those of an encrypted log."),
    },
    "Destroy": {
        "hold": Entry("keeping:hold", "Keep conversations from being erased."),
        "erase": Entry("erasing:erase", "Destroy what was said in a conversation, for good."),
        "prune": Entry("erasing:prune", "Archive and erase what nobody has used for long."),
    },
    "Operate": {
        "config": Entry("helping:config", "Tell which log is meant, and who said so."),
        "views": Entry("viewing:views", "Tell where the views are, and mend them."),
        "rebuild": Entry("upkeep:rebuild", "Make views and snapshots anew from the events."),
        "migrate": Entry("upkeep:migrate", "Bring a log up to this release, or make a new one."),
        "roles": Entry("upkeep:roles", "Create the roles of a log on PostgreSQL."),
        "repair": Entry("repairing:repair", "Mend what somebody broke by SQL."),
        "worker": Entry("working:worker", "Place events, keep the views, publish heads."),
        "help": Entry("helping:help_", "Show the help of a command, or a manual page of all."),
    },
}

COMMANDS: Final = {name: entry for group in GROUPS.values() for name, entry in group.items()}

TAKES_ID: Final = (
    *("show", "log", "diff", "branches", "turns", "usage", "tail", "undo", "redo", "restore"),
    *("clear", "fork", "label", "archive", "unarchive", "export", "verify", "evidence"),
    *("receipt", "erase", "share"),
)
"""Commands whose first word is a conversation."""

INTRODUCTION: Final = """\
Usage: eventlog [OPTIONS] COMMAND [ARGUMENTS]

  Read, check and change conversations in an event log.

  ID is the name of a conversation, the beginning of it that no other has, or
  `latest`. MOMENT is a version (42), a time as it was printed, an age (2h,
  90d), or today, yesterday, now.
"""

OPTIONS: Final = """\
Options, before the command or behind it:
  --db PATH|URL       The log: a SQLite file or a PostgreSQL URL (EVENTLOG_DB).
  --tenant NAME       Whose conversations (EVENTLOG_TENANT).
  --schema NAME       Where PostgreSQL keeps the tables (EVENTLOG_SCHEMA).
  --keyring FILE      The keys of an encrypted log (EVENTLOG_KEYRING).
  --utc / --local     Which times to print, and to take (EVENTLOG_UTC).
  --json              Print JSON, for programs.
  -V, --version       Show the version.
  -h, --help          Show this, or the help of a command.
"""

EXAMPLES: Final = """\
Examples:
  eventlog --db conversations.db sessions
  eventlog show latest
  eventlog help search
  eventlog help docs
"""


def overview() -> str:
    """Return the help of `eventlog` itself."""
    width = max(map(len, COMMANDS))
    groups = [
        "\n".join(
            [f"{title}:", *(f"  {name:{width}}  {each.says}" for name, each in entries.items())]
        )
        for title, entries in GROUPS.items()
    ]
    return "\n".join([INTRODUCTION, "\n\n".join(groups), "", OPTIONS, EXAMPLES])
