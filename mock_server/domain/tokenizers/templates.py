"""Chat templates in Jinja, one per way of writing a conversation.

They write the turns as the real models' templates do, reasoning switch and plain tool calls included; the long tool
instructions and the trimming of old thoughts of the real templates are left out. Programs built on tinker-cookbook
never see them, since its renderers write tokens themselves; `tokenizer.apply_chat_template` does.
"""

# ruff: noqa: RUF001 (DeepSeek's tokens are written with U+FF5C on purpose)

from __future__ import annotations

from typing import Final

# The content of a message is a text, or a list of parts of which the text ones count.
_TEXT: Final = (
    "{%- macro text(content) -%}"
    "{%- if content is string -%}{{ content }}"
    "{%- elif content -%}{%- for part in content -%}{{ part.text or '' }}{%- endfor -%}{%- endif -%}"
    "{%- endmacro -%}"
)

_THINKING_OFF: Final = "enable_thinking is defined and enable_thinking is false"


def _chatml(generation: str) -> str:
    """Each message between `<|im_start|>role` and `<|im_end|>`; `generation` follows the header of the answer."""
    return (
        _TEXT + "{%- if tools -%}<|im_start|>system\n"
        "{%- if messages[0].role == 'system' -%}{{ text(messages[0].content) + '\n\n' }}{%- endif -%}"
        "{{ '# Tools\n\n<tools>' }}{%- for tool in tools -%}{{ '\n' + (tool | tojson) }}{%- endfor -%}"
        "{{ '\n</tools><|im_end|>\n' }}{%- endif -%}"
        "{%- for message in messages -%}"
        "{%- if message.role == 'tool' -%}"
        "{{ '<|im_start|>user\n<tool_response>\n' + text(message.content) + '\n</tool_response><|im_end|>\n' }}"
        "{%- elif not (tools and loop.first and message.role == 'system') -%}"
        "{{ '<|im_start|>' + message.role + '\n' + text(message.content) }}"
        "{%- for call in message.tool_calls or [] -%}{%- set f = call.function or call -%}"
        "{{ '\n<tool_call>\n' + ({'name': f.name, 'arguments': f.arguments} | tojson) + '\n</tool_call>' }}"
        "{%- endfor -%}{{ '<|im_end|>\n' }}{%- endif -%}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}" + generation + "{%- endif -%}"
    )


CHATML: Final = _chatml("")
"""Instruct models that never think (Qwen3 Instruct 2507) and base models."""

CHATML_MAY_THINK: Final = _chatml("{%- if " + _THINKING_OFF + " -%}{{ '<think>\n\n</think>\n\n' }}{%- endif -%}")
"""Qwen3: the model opens `<think>` itself; `enable_thinking=False` writes an empty thought for it."""

CHATML_THINKS: Final = _chatml(
    "{%- if " + _THINKING_OFF + " -%}{{ '<think>\n\n</think>\n\n' }}{%- else -%}{{ '<think>\n' }}{%- endif -%}"
)
"""Qwen3.5 and later: the prompt already opens the thought."""

CHATML_NEMOTRON: Final = _chatml(
    "{%- if " + _THINKING_OFF + " -%}<think></think>{%- else -%}{{ '<think>\n' }}{%- endif -%}"
)

LLAMA3: Final = (
    _TEXT + "{{ bos_token }}{%- for message in messages -%}"
    "{%- set role = 'ipython' if message.role == 'tool' else message.role -%}"
    "{{ '<|start_header_id|>' + role + '<|end_header_id|>\n\n' + (text(message.content) | trim) + '<|eot_id|>' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif -%}"
)

DEEPSEEK: Final = (
    _TEXT + "{%- set think = thinking is defined and thinking -%}"
    "{{ bos_token }}"
    "{%- for message in messages if message.role == 'system' -%}{{ text(message.content) }}{%- endfor -%}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'user' -%}{{ '<｜User｜>' + text(message.content) }}"
    "{%- elif message.role == 'tool' -%}"
    "{{ '<｜tool▁output▁begin｜>' + text(message.content) + '<｜tool▁output▁end｜>' }}"
    "{%- elif message.role == 'assistant' -%}"
    "{{ '<｜Assistant｜></think>' + text(message.content) + '<｜end▁of▁sentence｜>' }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{ '<｜Assistant｜>' + ('<think>' if think else '</think>') }}{%- endif -%}"
)

HARMONY: Final = (
    _TEXT + "{%- for message in messages -%}"
    "{%- if message.role == 'assistant' -%}"
    "{{ '<|start|>assistant<|channel|>final<|message|>' + text(message.content) }}"
    "{{ '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}"
    "{%- else -%}{{ '<|start|>' + message.role + '<|message|>' + text(message.content) + '<|end|>' }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|start|>assistant{%- endif -%}"
)
"""gpt-oss: the model itself writes its channel (`analysis` for thoughts, `final` for the answer)."""

KIMI: Final = (
    _TEXT + "{%- for message in messages -%}"
    "{%- set name = message.role if message.role in ['user', 'assistant'] else 'system' -%}"
    "{{ '<|im_' + name + '|>' + message.role + '<|im_middle|>' + text(message.content) + '<|im_end|>' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|im_assistant|>assistant<|im_middle|>{%- endif -%}"
)

GLM: Final = (
    _TEXT + "[gMASK]<sop>{%- for message in messages -%}"
    "{%- if message.role == 'assistant' -%}{{ '<|assistant|><think></think>' + text(message.content) }}"
    "{%- elif message.role == 'tool' -%}"
    "{{ '<|observation|><tool_response>' + text(message.content) + '</tool_response>' }}"
    "{%- else -%}{{ '<|' + message.role + '|>' + text(message.content) }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|><think>{%- endif -%}"
)
