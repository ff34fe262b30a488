"""What a model call used, as tests record it."""

from eventlog.events import UsageRecorded


def used(
    tokens: int, output: int = 0, *, requests: int = 1, model: str | None = None
) -> UsageRecorded:
    """Return the use of so many tokens of input and of output, nothing of it cached."""
    return UsageRecorded(
        requests=requests,
        input_tokens=tokens,
        cached_input_tokens=0,
        cache_write_tokens=0,
        output_tokens=output,
        reasoning_tokens=0,
        total_tokens=tokens + output,
        model=model,
    )
