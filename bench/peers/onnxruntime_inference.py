"""Inference of ONNX Runtime on the CPU, timed: the yardstick for this project's Predictor.

    python onnxruntime_inference.py --model resnet20|resnet56|resnet164|resnet50 --batch 128 --threads 2 [--seconds 5] [--keep-norms]

Networks, widths and shortcuts are the ones this project trains, with random weights: those for 32x32 pictures (pre-activation,
parameter-free shortcuts), and resnet18, resnet34, resnet50, resnet101 and resnet152 at 224x224 as torchvision has them.
A batch norm behind a convolution is folded into it, as ONNX Runtime's own optimiser would do; one that reads a sum stays
(--keep-norms leaves all of them to the runtime, which takes as long). The batch is fixed in the graph, all optimisations are on.
Prints one JSON line: median, fastest and 99th percentile of seconds a call, images per second.
Needs onnxruntime, onnx and numpy (measured with onnxruntime 1.30.0).
"""
import argparse, json, sys, time

try:
    import numpy as np
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper
except ImportError as e:
    print(f"{e.name} is missing: pip install onnxruntime onnx", file=sys.stderr)
    sys.exit(2)


class Graph:
    """Collects nodes and weights; every method returns the name of what it computes."""

    def __init__(self, fold):
        self.nodes, self.weights, self.count, self.fold = [], [], 0, fold
        self.random = np.random.default_rng(1)

    def add(self, op, inputs, **attributes):
        self.count += 1
        output = f"t{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, x, cin, cout, kernel, stride, norm):
        """A convolution, followed by a batch norm where `norm` says so."""
        weight = self.random.standard_normal((cout, cin, kernel, kernel)) * (2 / (kernel * kernel * cin)) ** 0.5
        inputs = [x, self.constant(weight.astype(np.float32))]
        if norm and self.fold:
            inputs.append(self.constant(self.random.uniform(-0.1, 0.1, cout).astype(np.float32)))
        y = self.add("Conv", inputs, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[kernel // 2] * 4)
        return self.norm(y, cout) if norm and not self.fold else y

    def norm(self, x, channels):
        uniform = self.random.uniform
        values = (uniform(0.9, 1.1, channels), uniform(-0.1, 0.1, channels), uniform(-0.1, 0.1, channels), uniform(0.9, 1.1, channels))
        return self.add("BatchNormalization", [x] + [self.constant(v.astype(np.float32)) for v in values], epsilon=1e-3)

    def relu(self, x):
        return self.add("Relu", [x])


LARGE = {"resnet18": ((2, 2, 2, 2), False), "resnet34": ((3, 4, 6, 3), False), "resnet50": ((3, 4, 6, 3), True),
         "resnet101": ((3, 4, 23, 3), True), "resnet152": ((3, 8, 36, 3), True)}


def large(g, blocks, bottleneck):
    """torchvision's ResNet up to its last activation; returns that and its channels."""
    x, channels = g.relu(g.conv("x", 3, 64, 7, 2, True)), 64
    x = g.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for group, count in enumerate(blocks):
        for block in range(count):
            width, stride = 64 << group, 2 if group and not block else 1
            out = 4 * width if bottleneck else width
            shapes = [(channels, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)] if bottleneck \
                else [(channels, width, 3, stride), (width, out, 3, 1)]
            y = x
            for i, (cin, cout, kernel, s) in enumerate(shapes):
                y = g.conv(y, cin, cout, kernel, s, True)
                y = y if i == len(shapes) - 1 else g.relu(y)
            r = x if stride == 1 and channels == out else g.conv(x, channels, out, 1, stride, True)
            x, channels = g.relu(g.add("Add", [y, r])), out
    return x, channels


def small(g, model):
    """A pre-activation ResNet up to its last activation; returns that and its channels."""
    depth = int(model.removeprefix("resnet"))
    bottleneck = depth >= 164 or depth % 6 != 2
    n = (depth - 2) // (9 if bottleneck else 6)
    x, channels, pending = g.conv("x", 3, 16, 3, 1, True), 16, True
    for group, width in enumerate((16, 32, 64)):
        for block in range(n):
            stride = 2 if group and not block else 1
            out = 4 * width if bottleneck else width
            shapes = [(channels, width, 1, stride), (width, width, 3, 1), (width, out, 1, 1)] if bottleneck \
                else [(channels, width, 3, stride), (width, width, 3, 1)]
            # The stem's own batch norm is behind a convolution; later blocks read a sum.
            a = g.relu(x if pending else g.norm(x, channels))
            r, pending, y = a if pending else x, False, a
            for i, (cin, cout, kernel, s) in enumerate(shapes):
                last = i == len(shapes) - 1
                y = g.conv(y, cin, cout, kernel, s, not last)
                y = y if last else g.relu(y)
            if stride > 1:
                r = g.add("AveragePool", [r], kernel_shape=[stride] * 2, strides=[stride] * 2)
            if channels != out:
                before = (out - channels) // 2
                pads = np.array([0, before, 0, 0, 0, out - channels - before, 0, 0], np.int64)
                r = g.add("Pad", [r, g.constant(pads)])
            x, channels = g.add("Add", [y, r]), out
    return g.relu(g.norm(x, channels)), channels


def build(model, batch, fold, size, classes):
    g = Graph(fold)
    x, channels = large(g, *LARGE[model]) if model in LARGE else small(g, model)
    pooled = g.add("Flatten", [g.add("GlobalAveragePool", [x])])
    fc = (g.random.standard_normal((channels, classes)) / channels ** 0.5).astype(np.float32)
    logits = g.add("Gemm", [pooled, g.constant(fc), g.constant(np.zeros(classes, np.float32))])
    graph = helper.make_graph(
        g.nodes, model, [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, size, size])],
        [helper.make_tensor_value_info(logits, TensorProto.FLOAT, [batch, classes])], g.weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


ap = argparse.ArgumentParser()
ap.add_argument("--model", default="resnet20"); ap.add_argument("--batch", type=int, default=128)
ap.add_argument("--threads", type=int, default=2); ap.add_argument("--seconds", type=float, default=5)
ap.add_argument("--keep-norms", action="store_true")
a = ap.parse_args()
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = a.threads, 1
options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
size, classes = (224, 1000) if a.model in LARGE else (32, 10)
session = ort.InferenceSession(build(a.model, a.batch, not a.keep_norms, size, classes), options, providers=["CPUExecutionProvider"])
feed = {"x": np.random.default_rng(2).uniform(-1, 1, (a.batch, 3, size, size)).astype(np.float32)}
warm = time.perf_counter() + min(1.0, a.seconds / 4)
while time.perf_counter() < warm:
    session.run(None, feed)
seconds, end = [], time.perf_counter() + a.seconds
while time.perf_counter() < end or not seconds:
    t0 = time.perf_counter()
    session.run(None, feed)
    seconds.append(time.perf_counter() - t0)
s = sorted(seconds)
print(json.dumps(dict(peer="onnxruntime " + ort.__version__, model=a.model, batch=a.batch, threads=a.threads, folded=not a.keep_norms,
                      seconds=round(s[len(s) // 2], 6), fastest=round(s[0], 6), p99=round(s[int(0.99 * (len(s) - 1))], 6),
                      calls=len(s), images_per_second=round(a.batch / s[len(s) // 2], 1))))
