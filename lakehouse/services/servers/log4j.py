"""The logging of the JVM servers: warnings to stderr, which the supervisor keeps."""


def log4j2(**levels: str) -> str:
    """A log4j2 configuration; `levels` are further loggers, with `__` for a dot."""
    lines = [
        "rootLogger.level=warn",
        "rootLogger.appenderRef.console.ref=console",
        "appender.console.type=Console",
        "appender.console.name=console",
        "appender.console.target=SYSTEM_ERR",
        "appender.console.layout.type=PatternLayout",
        "appender.console.layout.pattern=%d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n%ex{20}",
    ]
    for number, (name, level) in enumerate(levels.items()):
        lines += [f"logger.l{number}.name={name.replace('__', '.')}", f"logger.l{number}.level={level}"]
    return "\n".join(lines) + "\n"
