"""What a JVM's words mean to who reads them: the cause and what to do, never the trace of its stack."""

import re

# What a server's log holds if it could not start or had to end, and what is said and advised instead. The first counts.
_CAUSES = (
    (
        r"OutOfMemoryError",
        "its memory was full and it ended. Give it more (LAKEHOUSE_SPARK__MEMORY=4g for the engine)",
    ),
    (
        r"Invalid (maximum|initial) heap size|Could not reserve enough space|Too small (maximum|initial) heap"
        r"|less than the minimum|must be at least",
        "the memory that it was given cannot be used. Set LAKEHOUSE_SPARK__MEMORY to something like 2g",
    ),
    (
        r"There is insufficient memory for the Java Runtime",
        "the machine has not enough free memory. End something else",
    ),
    (r"Unrecognized VM option", "this Java does not know one of its options. Name another by LAKEHOUSE_JAVA_HOME"),
    (r"No space left on device", "the disk is full. Free some space"),
    (r"Another instance of Derby", "another process has the catalogue's database open. End that one first"),
    (r"UnsupportedClassVersionError", "this Java is too old for it. Name a newer one by LAKEHOUSE_JAVA_HOME"),
    (
        r"Could not find or load main class|NoClassDefFoundError",
        "jars are missing. Remove the folder that LAKEHOUSE_CACHE "
        "names (~/.cache/lakehouse) and try again: they are fetched and made anew",
    ),
)
_FRAME = re.compile(r"^\s*(at\s+[\w.$/@<>-]+\(|\.\.\. \d+ more|Suppressed:|(Driver|JVM) stacktrace)")
_LONGEST = 300


def without_trace(text: str) -> list[str]:
    """The lines that are for people: no frame of a stack, no empty line, none longer than a few of the screen."""
    return [line.rstrip()[:_LONGEST] for line in text.splitlines() if line.strip() and not _FRAME.match(line)]


def cause(log: str) -> str:
    """What the log says in other words, and what to do; nothing if it is not known."""
    return next((said for sign, said in _CAUSES if re.search(sign, log)), "")
