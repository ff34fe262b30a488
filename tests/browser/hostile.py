"""What nobody nice would say: everything that could run, fetch, hide or crowd out a page."""

from typing import Any, Final

ATTACKS: Final = (
    "<script>window.attacked = 1</script>",
    "<img src=x onerror='window.attacked = 1'>",
    "<svg onload='window.attacked = 1'></svg>",
    "</script><script>window.attacked = 1</script>",
    "<!-- --><style>body { display: none }</style>",
    "<iframe src='https://attacker.example/'></iframe>",
    "[click](javascript:window.attacked=1)",
    "[click](JaVaScRiPt:window.attacked=1)",
    "[click](data:text/html,<script>window.attacked=1</script>)",
    "[click](vbscript:x)",
    "![remote](https://attacker.example/pixel.png)",
    '![x](x"onerror="window.attacked=1)',
    "<https://attacker.example/?steal>",
    "```html\n<script>window.attacked = 1</script>\n```",
    '```"><script>window.attacked = 1</script>\nx\n```',
    "# <b onmouseover='window.attacked=1'>title</b>",
    "| a |\n|---|\n| <script>window.attacked=1</script> |",
    "admin\u202egnp.exe and \u2066hidden\u2069",
    "zero\u200bwidth \ufeff and \x1b[31mred\x1b[0m \x07 \x00",
    "{{ 7 * 7 }} {% raw %} ${7*7} <%= 7 %>",
    "&lt;script&gt; &#x3c;script&#x3e;",
    "a" * 200 + " " + "\u0301" * 500,
)


def items() -> list[Any]:
    """Return every attack in every place that an item has."""
    found: list[Any] = []
    for attack in ATTACKS:
        found += [
            {"role": "user", "content": attack},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": attack}],
            },
            {"type": "function_call", "call_id": attack, "name": attack, "arguments": attack},
            {"type": "function_call_output", "call_id": attack, "output": attack},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": attack}]},
            {"type": attack, attack: attack},
            {"role": attack, "content": [{"type": "input_image", "image_url": attack}]},
        ]
    image = "https://attacker.example/pixel.png"
    found += [
        {"role": "user", "content": [{"type": "input_image", "image_url": image}]},
        {
            "role": "user",
            "content": [{"type": "input_image", "image_url": "data:image/svg+xml;base64,PHN2Zz4="}],
        },
        {
            "role": "user",
            "content": [{"type": "input_file", "filename": "<script>", "file_data": "x"}],
        },
        "just a string <script>",
        12,
        None,
        [],
        [[["<b>"]]],
        {"type": 7, "role": ["user"], "content": {"text": 8}},
        {"role": "user", "content": "huge " * 400_000},
        {"type": "function_call_output", "call_id": "big", "output": "<b>" * 3_500_000},
    ]
    return found
