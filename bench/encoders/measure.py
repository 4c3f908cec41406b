"""What encoders cost in the server, on one processor, and in ONNX Runtime on one thread.

    python measure.py PROGRAM FOLDER
"""

import base64
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy
import onnxruntime
import tokenizers
from PIL import Image, ImageFilter

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


class Server:
    """A server on one processor, with nothing but its encoders."""

    def __init__(self, program: str, models: Path) -> None:
        self.folder = tempfile.TemporaryDirectory()
        settings = ["--artifacts-path", self.folder.name, "--encoders-path", str(models), "--database-uri", "none", "--port", "0",
                    "--grpc-port", "none", "--log-level", "warn", "--json"]
        self.process = subprocess.Popen(["taskset", "--cpu-list", "0", program, "serve", *settings], stdout=subprocess.PIPE)
        self.url = json.loads(self.process.stdout.readline())["url"]

    def post(self, path: str, body: object) -> tuple[float, dict]:
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        begin = self.processor_time()
        with urllib.request.urlopen(request, timeout=300) as answer:
            told = json.load(answer)
        return self.processor_time() - begin, told

    def processor_time(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def most_memory_mib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *failure: object) -> None:
        self.process.terminate()
        self.process.wait()
        self.folder.cleanup()


def served(program: str, models: Path, name: str, drift_type: str, calm: list[str], changed: list[str]) -> list[str]:
    with Server(program, models) as server:
        return measured(server, name, drift_type, calm, changed)


def measured(server: Server, name: str, drift_type: str, calm: list[str], changed: list[str]) -> list[str]:
    fit = {"drift_type": drift_type, "data": calm[:N_FIT], "detector": {"kind": "mmd"}, "preprocessing": {"encoder": name}}
    took, _ = server.post("/api/v1/projects/p/fit", fit)
    fitted_ms = took / N_FIT * 1e3
    cells = []
    for rows, drifts in ((calm[N_FIT : N_FIT + N_PREDICT], False), (changed, True)):
        took, told = server.post("/api/v1/projects/p/predict", {"data": rows})
        assert told["is_drift"] == drifts, f"{name}: expected {drifts}, the p-value is {told['p_value']}"
        cells.append(f"{took / len(rows) * 1e3:.0f} ms")
    return [f"{fitted_ms:.0f} ms", *cells, f"{server.most_memory_mib()} MiB"]


def alone(session: onnxruntime.InferenceSession, inputs: list[dict]) -> str:
    session.run(None, inputs[0])
    begin = time.process_time()
    for each in inputs:
        session.run(None, each)
    return f"{(time.process_time() - begin) / len(inputs) * 1e3:.0f} ms"


def main() -> None:
    program, models = sys.argv[1], Path(sys.argv[2]) / "models"
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
