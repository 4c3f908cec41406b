"""What encoders cost in the server, on one processor, and in ONNX Runtime on one thread.

    python measure.py PROGRAM FOLDER
"""

import base64
import io
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import onnxruntime
import tokenizers
from PIL import Image, ImageFilter
from server import Server

N_FIT, N_PREDICT = 100, 50
LETTERS = 600


def texts() -> list[str]:
    """Parts of our own pages, as long each, in any order: pages differ."""
    words = " ".join(page.read_text() for page in sorted(Path("docs").glob("*.md"))).split()
    whole = " ".join(words)
    parts = [whole[begin : begin + LETTERS] for begin in range(0, len(whole) - LETTERS, LETTERS)]
    random.Random(0).shuffle(parts)
    return parts


def image(seed: int, blur: float = 0) -> str:
    """A file of 300 x 300 pixels with spots of many sizes."""
    numbers = numpy.random.default_rng(seed)
    layers = [Image.fromarray(numbers.integers(0, 256, (side, side, 3), dtype=numpy.uint8)).resize((300, 300), Image.Resampling.BICUBIC)
              for side in (5, 30, 150)]
    mixed = Image.blend(Image.blend(layers[0], layers[1], 0.5), layers[2], 0.4)
    file = io.BytesIO()
    mixed.filter(ImageFilter.GaussianBlur(blur)).save(file, "JPEG", quality=90)
    return base64.b64encode(file.getvalue()).decode()


def served(program: Path, models: Path, name: str, drift_type: str, calm: list[str], changed: list[str]) -> list[str]:
    """The cells of a row of the table, of a server on one processor; fails where a window has the other verdict."""

    def taken(ask: Callable[[], dict[str, Any]], n_rows: int) -> tuple[str, dict[str, Any]]:
        begin = server.processor_time()
        told = ask()
        return f"{(server.processor_time() - begin) / n_rows * 1e3:.0f} ms", told

    with Server(program, "--encoders-path", str(models), wrapper=("taskset", "--cpu-list", "0")) as server:
        encoded = {"encoder": name}
        cell, _ = taken(lambda: server.fit("p", drift_type, calm[:N_FIT], {"kind": "mmd"}, preprocessing=encoded), N_FIT)
        cells = [cell]
        for rows, drifts in ((calm[N_FIT : N_FIT + N_PREDICT], False), (changed, True)):
            cell, told = taken(lambda rows=rows: server.predict("p", rows), len(rows))
            assert told["is_drift"] == drifts, f"{name}: expected {drifts}, the p-value is {told['p_value']}"
            cells.append(cell)
        return [*cells, f"{server.most_memory() >> 20} MiB"]


def alone(session: onnxruntime.InferenceSession, inputs: list[dict]) -> str:
    session.run(None, inputs[0])
    begin = time.process_time()
    for each in inputs:
        session.run(None, each)
    return f"{(time.process_time() - begin) / len(inputs) * 1e3:.0f} ms"


def main() -> None:
    program, models = Path(sys.argv[1]), Path(sys.argv[2]) / "models"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = {name: onnxruntime.InferenceSession(models / name / "model.onnx", options) for name in ("minilm", "resnet50")}
    print(f"| encoder | a row of a fit of {N_FIT} | of a window like it | of one that drifts | memory | ONNX Runtime alone |")
    print("|---|---|---|---|---|---|")

    all_texts = texts()
    calm, changed = all_texts[: N_FIT + N_PREDICT], ["".join(reversed(text)) for text in all_texts[-N_PREDICT:]]
    tokenizer = tokenizers.Tokenizer.from_file(str(models / "minilm" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    encoded = [tokenizer.encode(text) for text in calm[N_FIT:]]
    inputs = [{"input_ids": numpy.array([of.ids]), "attention_mask": numpy.array([of.attention_mask]),
               "token_type_ids": numpy.array([of.type_ids])} for of in encoded]
    n_tokens = sum(len(of.ids) for of in encoded) / len(encoded)
    cells = served(program, models, "minilm", "text", calm, changed)
    name = f"MiniLM, 6 layers, texts of {LETTERS} letters ({n_tokens:.0f} tokens)"
    print(f"| {name} | {' | '.join([*cells, alone(session['minilm'], inputs)])} |", flush=True)

    calm, changed = [image(seed) for seed in range(N_FIT + N_PREDICT)], [image(1_000 + seed, blur=3) for seed in range(N_PREDICT)]
    pixels = numpy.random.default_rng(1).random((1, 3, 224, 224), dtype=numpy.float32)
    cells = served(program, models, "resnet50", "image", calm, changed)
    name = "ResNet-50, files of 300 x 300 pixels"
    print(f"| {name} | {' | '.join([*cells, alone(session['resnet50'], [{'pixel_values': pixels}] * 10)])} |", flush=True)


if __name__ == "__main__":
    main()
