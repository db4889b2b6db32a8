"""Tokenizer families: which texts are single tokens, which of them end an answer, and how a conversation is written.

A served tokenizer is byte-level without merges: ids 0 to 255 are the 256 bytes, the family's own tokens follow.
So any text round-trips, the vocabulary has 260 to 300 ids, and its file a few kilobytes.
The real model's vocabulary and end-of-text ids stand beside it, for clients that bring the real tokenizer.
"""

# ruff: noqa: RUF001 (DeepSeek's tokens are written with U+FF5C on purpose)

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mock_server.domain.tokenizers import templates

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Family:
    """One way of cutting text into tokens, shared by all models that use it.

    end_of_text: the served tokenizer's tokens that end an answer; the first is its `eos_token`.
    special: tokens that `decode(skip_special_tokens=True)` leaves out.  plain: single tokens that count as text.
    vocab_size, real_end_of_text: of the real model of that family (its `config.json` and `generation_config.json`).
    adds_bos: whether encoding puts `bos` first, as the real tokenizer does.
    thought: what a thinking model writes before and after its thought.  answer_opening: what comes before the answer.
    """

    name: str
    vocab_size: int
    real_end_of_text: tuple[int, ...]
    end_of_text: tuple[str, ...]
    special: tuple[str, ...]
    plain: tuple[str, ...] = ()
    bos: str | None = None
    adds_bos: bool = False
    pad: str | None = None
    chat_template: str | None = None
    thought: tuple[str, str] = ("<think>\n", "\n</think>\n\n")
    answer_opening: str = ""

    @property
    def added(self) -> tuple[str, ...]:
        """The tokens beyond the bytes, in the order of their ids from 256 on."""
        return self.special + self.plain


_CHATML: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_VISION: Final = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")
_THINK: Final = ("<think>", "</think>")
_TOOLS: Final = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
_DEEPSEEK: Final = (
    "<｜begin▁of▁sentence｜>",
    "<｜end▁of▁sentence｜>",
    "<｜▁pad▁｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<｜System｜>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁outputs▁begin｜>",
    "<｜tool▁outputs▁end｜>",
    "<｜tool▁output▁begin｜>",
    "<｜tool▁output▁end｜>",
    "<｜tool▁sep｜>",
    "<｜DSML｜>",
)


def _qwen(name: str, template: str, *, base: bool = False, newer: bool = False) -> Family:
    """Qwen3 and its successors share their tokens; Qwen3.5 moved them up in a larger vocabulary."""
    endoftext, im_end = (248044, 248046) if newer else (151643, 151645)
    return Family(
        name=name,
        vocab_size=248320 if newer else 151936,
        # A base model's text ends with <|endoftext|>, a chat model's turn with <|im_end|>.
        real_end_of_text=(endoftext,) if base else (im_end, endoftext),
        end_of_text=("<|endoftext|>",) if base else ("<|im_end|>", "<|endoftext|>"),
        special=(*_CHATML, *_VISION),
        plain=(*_THINK, *_TOOLS),
        pad="<|endoftext|>",
        chat_template=template,
    )


_ALL: Final = (
    Family(
        name="llama3",
        vocab_size=128256,
        real_end_of_text=(128009, 128001, 128008),
        # Clients fetch one instruct tokenizer for every Llama 3, base models included, so <|eot_id|> leads for all.
        end_of_text=("<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"),
        special=(
            "<|begin_of_text|>",
            "<|end_of_text|>",
            "<|finetune_right_pad_id|>",
            "<|start_header_id|>",
            "<|end_header_id|>",
            "<|eom_id|>",
            "<|eot_id|>",
            "<|python_tag|>",
        ),
        bos="<|begin_of_text|>",
        adds_bos=True,
        chat_template=templates.LLAMA3,
    ),
    _qwen("qwen3", templates.CHATML_MAY_THINK),
    _qwen("qwen3-instruct", templates.CHATML),
    _qwen("qwen3-base", templates.CHATML, base=True),
    _qwen("qwen3.5", templates.CHATML_THINKS, newer=True),
    _qwen("qwen3.5-base", templates.CHATML, base=True, newer=True),
    Family(
        name="deepseek",
        vocab_size=129280,
        real_end_of_text=(1,),
        end_of_text=("<｜end▁of▁sentence｜>",),
        special=_DEEPSEEK,
        plain=_THINK,
        bos="<｜begin▁of▁sentence｜>",
        adds_bos=True,
        pad="<｜▁pad▁｜>",
        chat_template=templates.DEEPSEEK,
        thought=("<think>", "</think>"),
    ),
    Family(
        name="gpt-oss",
        vocab_size=201088,
        real_end_of_text=(200002, 199999, 200012),
        end_of_text=("<|return|>", "<|endoftext|>", "<|call|>"),
        special=(
            "<|startoftext|>",
            "<|endoftext|>",
            "<|return|>",
            "<|constrain|>",
            "<|channel|>",
            "<|start|>",
            "<|end|>",
            "<|message|>",
            "<|call|>",
        ),
        bos="<|startoftext|>",
        pad="<|endoftext|>",
        chat_template=templates.HARMONY,
        thought=("<|channel|>analysis<|message|>", "<|end|><|start|>assistant"),
        answer_opening="<|channel|>final<|message|>",
    ),
    Family(
        name="nemotron3",
        vocab_size=131072,
        real_end_of_text=(11, 2),
        end_of_text=("<|im_end|>", "</s>"),
        special=("<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"),
        plain=(*_THINK, *_TOOLS),
        bos="<s>",
        chat_template=templates.CHATML_NEMOTRON,
    ),
    Family(
        name="kimi",
        vocab_size=163840,
        real_end_of_text=(163586, 163585),
        end_of_text=("<|im_end|>", "[EOS]"),
        special=(
            "[BOS]",
            "[EOS]",
            "[PAD]",
            "<|im_end|>",
            "<|im_user|>",
            "<|im_assistant|>",
            "<|im_system|>",
            "<|im_middle|>",
        ),
        plain=(
            *_THINK,
            "<|tool_calls_section_begin|>",
            "<|tool_calls_section_end|>",
            "<|tool_call_begin|>",
            "<|tool_call_argument_begin|>",
            "<|tool_call_end|>",
            "<|media_begin|>",
            "<|media_content|>",
            "<|media_pad|>",
            "<|media_end|>",
        ),
        bos="[BOS]",
        pad="[PAD]",
        chat_template=templates.KIMI,
        thought=("<think>", "</think>"),
    ),
    Family(
        name="glm",
        vocab_size=154880,
        real_end_of_text=(154820, 154827, 154829),
        # No token of its own ends a turn: the next role does.
        end_of_text=("<|endoftext|>", "<|user|>", "<|observation|>"),
        special=("<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
        plain=(*_THINK, *_TOOLS, "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"),
        pad="<|endoftext|>",
        chat_template=templates.GLM,
        thought=("<think>", "</think>"),
    ),
    Family(
        # Models whose tokenizer no hub offers (Inkling's is in a wheel of its own), and plain text models.
        name="plain",
        vocab_size=201024,
        real_end_of_text=(),
        end_of_text=("<|endoftext|>",),
        special=("<|endoftext|>",),
        pad="<|endoftext|>",
    ),
)

FAMILIES: Final[Mapping[str, Family]] = {family.name: family for family in _ALL}
