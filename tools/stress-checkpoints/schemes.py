"""Ways to make an int8 file of a float32 tower. Each returns an onnx.ModelProto."""
import functools
import pathlib
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic


#: Side of a picture.
PIXELS = 224


class Graph:
    """A model with its constants by name, and who makes and uses each value."""

    def __init__(self, model):
        self.model, self.graph = model, model.graph
        self.constants = {each.name: each for each in model.graph.initializer}
        for node in model.graph.node:
            if node.op_type == "Constant":
                tensor = node.attribute[0].t
                tensor.name = node.output[0]
                self.constants[tensor.name] = tensor
        self.maker = {name: node for node in model.graph.node for name in node.output}
        self.users = {}
        for node in model.graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    def value(self, name):
        return numpy_helper.to_array(self.constants[name]) if name in self.constants else None

    def change(self, name, value):
        """Only for a constant with one use."""
        assert len(self.users[name]) == 1, name
        self.constants[name].CopyFrom(numpy_helper.from_array(value.astype(numpy.float32), name))

    def replace_input(self, node, index, value, suffix):
        name = f"{node.name}/{suffix}"
        tensor = numpy_helper.from_array(value.astype(numpy.float32), name)
        self.graph.initializer.append(tensor)
        self.constants[name] = tensor
        node.input[index] = name

    def products(self):
        """@returns {input: the products with constant weights that read it}"""
        found = {}
        for node in self.graph.node:
            if node.op_type == "MatMul" and node.input[1] in self.constants:
                found.setdefault(node.input[0], []).append(node)
        return found

    def constant_of(self, node):
        """@returns index of the only constant input"""
        at = [i for i, name in enumerate(node.input) if name in self.constants]
        return at[0] if len(at) == 1 else None

    def up(self, name, operators):
        """Goes up from a value through operators that only move numbers."""
        while name in self.maker and self.maker[name].op_type in operators:
            name = self.maker[name].input[0]
        return self.maker.get(name)


MOVES = ("Reshape", "Transpose")


def divide(graph, product_or_sum, by):
    """Divides the outputs of a product with a bias. @returns whether it could"""
    node = product_or_sum
    if node is None or node.op_type != "Add" or graph.constant_of(node) is None:
        return False
    at = graph.constant_of(node)
    product = graph.maker.get(node.input[1 - at])
    if product is None or product.op_type != "MatMul" or product.input[1] not in graph.constants:
        return False
    graph.replace_input(node, at, graph.value(node.input[at]) / by, "smooth")
    graph.change(product.input[1], graph.value(product.input[1]) / by)
    return True


def fold(graph, name, by, activations=True):
    """Divides a value by a vector, in whatever makes it. @returns whether it could"""
    node = graph.maker[name]
    if node.op_type == "LayerNormalization":
        for at in (1, 2):
            graph.replace_input(node, at, graph.value(node.input[at]) / by, f"smooth{at}")
        return True
    if node.op_type == "Add" and graph.constant_of(node) is not None:
        gain = graph.maker.get(node.input[1 - graph.constant_of(node)])
        if gain is not None and gain.op_type == "Mul" and graph.constant_of(gain) is not None:
            for each in (node, gain):
                at = graph.constant_of(each)
                graph.replace_input(each, at, graph.value(each.input[at]) / by, "smooth")
            return True
    if node.op_type == "Mul" and activations:  # x * sigmoid(1.702 * x)
        gate = next((graph.maker.get(each) for each in node.input if each in graph.maker and graph.maker[each].op_type == "Sigmoid"), None)
        slope = gate and graph.maker[gate.input[0]]
        if slope is not None and slope.op_type == "Mul" and graph.constant_of(slope) is not None:
            at = graph.constant_of(slope)
            x = slope.input[1 - at]
            if x in node.input and divide(graph, graph.maker[x], by):
                graph.replace_input(slope, at, graph.value(slope.input[at]) * by, "smooth")
                return True
    attention = graph.up(name, MOVES)
    if attention is not None and attention.op_type == "MatMul" and attention.input[1] not in graph.constants:
        return divide(graph, graph.up(attention.input[1], MOVES), by)
    return False


def smooth(model, feeds, alpha=0.5, floor=1e-4, activations=True):
    """SmoothQuant: what is hard to quantise in an input moves into the weights, channel by channel. Exact in float.

    @param activations whether also through x * sigmoid(1.702 * x). The slope becomes a vector then, and the runtime
      computes three operators instead of its QuickGelu
    """
    model = copy(model)
    graph = Graph(model)
    products = {name: nodes for name, nodes in graph.products().items() if len(nodes) == sum(each.op_type != "Shape" for each in graph.users[name])}
    for name, height in heights(model, feeds, list(products)).items():
        weights = [graph.value(node.input[1]) for node in products[name]]
        # With a scale per column, a weight counts by its share of the column. (The highest weight, as in the paper, makes
        # a neuron worse that writes massive activations: its few weights are as high as its output.)
        share = numpy.mean([(numpy.abs(each) / numpy.maximum(numpy.abs(each).max(0), 1e-12)).mean(1) for each in weights], 0)
        by = numpy.maximum(height, floor * height.max()) ** alpha / numpy.maximum(share, floor * share.max()) ** (1 - alpha)
        by /= numpy.exp(numpy.log(by).mean())
        if fold(graph, name, by, activations):
            for node, weight in zip(products[name], weights):
                graph.change(node.input[1], weight * by[:, None])
    return model


def copy(model):
    other = onnx.ModelProto()
    other.CopyFrom(model)
    return other


def dynamic(model, signed):
    """onnxruntime's quantize_dynamic with the options of the hub's files."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = (str(pathlib.Path(folder) / name) for name in ("float.onnx", "int8.onnx"))
        onnx.save(model, source)
        quantize_dynamic(source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8 if signed else QuantType.QUInt8)
        return onnx.load(target)


def hub(model, feeds):
    return patches(dynamic(model, signed=not any(node.op_type == "Conv" for node in model.graph.node)))


def patches(model):
    """The integer convolution over patches as a product with a matrix: the same sums, a quarter of the tower's time."""
    graph = Graph(model)
    nodes = []
    for node in model.graph.node:
        if node.op_type != "ConvInteger":
            nodes.append(node)
            continue
        weight, n = graph.value(node.input[1]), node.output[0]
        filters, channels, side, _ = weight.shape
        constants = dict(squares=[0, channels, -1, side, PIXELS // side, side], rows=[-1, weight[0].size], grid=[-1, PIXELS // side, PIXELS // side, filters])
        for name, value in dict(w=weight.reshape(filters, -1).T, **{k: numpy.int64(v) for k, v in constants.items()}).items():
            model.graph.initializer.append(numpy_helper.from_array(numpy.ascontiguousarray(value), f"{n}/{name}"))
        make = lambda op, inputs, output, **attributes: helper.make_node(op, inputs, [output], name=output, **attributes)
        nodes += [
            make("Reshape", [node.input[0], f"{n}/squares"], f"{n}/1"), make("Transpose", [f"{n}/1"], f"{n}/2", perm=[0, 2, 4, 1, 3, 5]),
            make("Reshape", [f"{n}/2", f"{n}/rows"], f"{n}/3"), make("MatMulInteger", [f"{n}/3", f"{n}/w", *node.input[2:]], f"{n}/4"),
            make("Reshape", [f"{n}/4", f"{n}/grid"], f"{n}/5"), make("Transpose", [f"{n}/5"], n, perm=[0, 3, 1, 2]),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return tidy(model)


def blocks(model, feeds, size=64):
    """MatMulNBits: 8 bits, a scale per block of weights and of each token's inputs (accuracy level 4: integer products)."""
    model = copy(model)
    graph = Graph(model)
    for node in [node for nodes in graph.products().values() for node in nodes]:
        weight = graph.value(node.input[1]).T
        parts = weight.reshape(len(weight), -1, size)
        scale = numpy.maximum(numpy.abs(parts).max(2), 1e-12) / 127
        packed, scales = f"{node.name}/w", f"{node.name}/s"
        codes = (numpy.round(parts / scale[:, :, None]) + 128).astype(numpy.uint8)
        graph.graph.initializer.extend([numpy_helper.from_array(codes, packed), numpy_helper.from_array(scale.astype(numpy.float32).ravel(), scales)])
        attributes = dict(K=weight.shape[1], N=weight.shape[0], bits=8, block_size=size, accuracy_level=4)
        node.CopyFrom(helper.make_node("MatMulNBits", [node.input[0], packed, scales], node.output, name=node.name, domain="com.microsoft", **attributes))
    return tidy(model)


def tidy(model):
    """Drops the constants that nothing reads any more."""
    used = {name for node in model.graph.node for name in node.input}
    kept = list({each.name: each for each in model.graph.initializer if each.name in used}.values())
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    if all(each.domain != "com.microsoft" for each in model.opset_import):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


def integer(model, feeds, bits=7, by="call", floats=()):
    """Products with signed weights per channel. By "call": one range for an input, as quantize_dynamic. By "row": one
    range per token. Everything else stays in float. @param floats names of products that stay in float, too"""
    model = copy(model)
    graph = Graph(model)
    limit = 2 ** (bits - 1) - 1
    before, instead, domain = {}, {}, "com.microsoft"
    constant = lambda name, value: graph.graph.initializer.append(numpy_helper.from_array(numpy.asarray(value), name))
    for name, value in dict(one=numpy.float32(1), step=numpy.float32(1 / 127), tiny=numpy.float32(1e-12), middle=numpy.uint8(128)).items():
        constant(f"int8/{name}", value)
    for name, products in graph.products().items():
        products = [node for node in products if node.name not in floats]
        if not products:
            continue
        n = f"{name}/int8"
        make = lambda op, inputs, *outputs, **attributes: helper.make_node(op, inputs, outputs, name=outputs[0], **attributes)
        if by == "call":
            before[products[0].name] = [make("DynamicQuantizeLinear", [name], f"{n}/q", f"{n}/scale", f"{n}/zero")]
        else:
            before[products[0].name] = [
                make("Abs", [name], f"{n}/abs"), make("ReduceMax", [f"{n}/abs"], f"{n}/max", axes=[-1], keepdims=1),
                make("Max", [f"{n}/max", "int8/tiny"], f"{n}/high"), make("Mul", [f"{n}/high", "int8/step"], f"{n}/scale"),
                make("Div", [name, f"{n}/scale"], f"{n}/steps"), make("QuantizeLinear", [f"{n}/steps", "int8/one", "int8/middle"], f"{n}/q"),
            ]
        for node in products:
            weight, p = graph.value(node.input[1]), node.name
            scale = numpy.maximum(numpy.abs(weight).max(0), 1e-12) / limit
            constant(f"{p}/w", numpy.round(weight / scale).astype(numpy.int8)), constant(f"{p}/s", scale.astype(numpy.float32))
            if by == "call":
                instead[p] = [
                    make("MatMulInteger", [f"{n}/q", f"{p}/w", f"{n}/zero"], f"{p}/i"), make("Cast", [f"{p}/i"], f"{p}/f", to=onnx.TensorProto.FLOAT),
                    make("Mul", [f"{n}/scale", f"{p}/s"], f"{p}/scales"), make("Mul", [f"{p}/f", f"{p}/scales"], node.output[0]),
                ]
            else:
                instead[p] = [
                    make("MatMulIntegerToFloat", [f"{n}/q", f"{p}/w", "int8/one", f"{p}/s", "int8/middle"], f"{p}/f", domain=domain),
                    make("Mul", [f"{p}/f", f"{n}/scale"], node.output[0]),
                ]
    nodes = [each for node in graph.graph.node for each in [*before.get(node.name, []), *instead.get(node.name, [node])]]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    return tidy(model)


def watch(model, feeds, names):
    """@returns {value: its rows for every feed, [rows, channels] each}"""
    if not names:
        return
    watched = copy(model)
    del watched.graph.output[:]
    watched.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    for feed in feeds:
        yield {name: value.reshape(-1, value.shape[-1]) for name, value in zip(names, session.run(None, feed))}


def heights(model, feeds, names):
    """@returns {value: highest absolute number of each channel over all feeds}"""
    found = {}
    for values in watch(model, feeds, names):
        for name, rows_ in values.items():
            found[name] = numpy.maximum(found.get(name, 0), numpy.abs(rows_).max(0))
    return found


def noise(model, feeds, by):
    """@returns {product: how far rounding its input to 8 bits moves its output, relative to the output}"""
    graph, found = Graph(model), {}
    products = graph.products()
    for values in watch(model, feeds, list(products)):
        for name, x in values.items():
            if by == "row":
                step = numpy.maximum(numpy.abs(x).max(1, keepdims=True), 1e-12) / 127
            else:
                step = max(max(x.max(), 0) - min(x.min(), 0), 1e-12) / 255
            error = numpy.round(x / step) * step - x
            for node in products[name]:
                weight = graph.value(node.input[1])
                moved, out = error @ weight, x @ weight
                # Median over rows: a few huge tokens must not hide what the others lose.
                share = numpy.median(numpy.linalg.norm(moved, axis=1) / numpy.maximum(numpy.linalg.norm(out, axis=1), 1e-12))
                found[node.name] = max(found.get(node.name, 0), float(share))
    return found


def sensitive(model, feeds, limit=0.03, by="call"):
    """@returns products whose rounding noise exceeds the limit: they stay in float"""
    return [name for name, share in noise(model, feeds, by).items() if share > limit]


def activation_parts(graph, name):
    """@returns the slope, its input's Add and the first product of x * sigmoid(1.702 * x), or None"""
    node = graph.maker.get(name)
    gate = node is not None and node.op_type == "Mul" and next((graph.maker[each] for each in node.input if each in graph.maker and graph.maker[each].op_type == "Sigmoid"), None)
    slope = graph.maker.get(gate.input[0]) if gate else None
    if slope is None or slope.op_type != "Mul" or graph.constant_of(slope) is None:
        return None
    add = graph.maker[slope.input[1 - graph.constant_of(slope)]]
    at = graph.constant_of(add) if add.op_type == "Add" else None
    first = graph.maker.get(add.input[1 - at]) if at is not None else None
    return (slope, add, first) if first is not None and first.op_type == "MatMul" and first.input[1] in graph.constants else None


def split(model, feeds, count=32):
    """The neurons with the highest activations get products of their own, which stay in float. Exact: neurons have no order."""
    model = copy(model)
    graph = Graph(model)
    found = {name: nodes[0] for name, nodes in graph.products().items() if len(nodes) == 1 and activation_parts(graph, name)}
    after = {}
    for name, height in heights(model, feeds, list(found)).items():
        second, (slope, add, first) = found[name], activation_parts(graph, name)
        at = graph.constant_of(add)
        w1, b1, w2 = graph.value(first.input[1]), graph.value(add.input[at]), graph.value(second.input[1])
        apart = numpy.sort(numpy.argsort(-height)[:count])
        rest = numpy.setdiff1d(numpy.arange(len(height)), apart)
        n = f"{second.name}/apart"
        for each, value in dict(w1=w1[:, apart], b1=b1[apart], w2=w2[apart]).items():
            graph.graph.initializer.append(numpy_helper.from_array(numpy.ascontiguousarray(value), f"{n}/{each}"))
        graph.change(first.input[1], w1[:, rest]), graph.change(second.input[1], w2[rest])
        graph.replace_input(add, at, b1[rest], "rest")
        make = lambda op, inputs, output: helper.make_node(op, inputs, [output], name=output)
        # After the bias, which the runtime adds within the integer product.
        users = graph.users[second.output[0]]
        last = users[0] if len(users) == 1 and users[0].op_type == "Add" and graph.constant_of(users[0]) is not None else second
        out = last.output[0]
        last.output[0] = f"{n}/rest"
        after[last.name] = [
            make("MatMul", [first.input[0], f"{n}/w1"], f"{n}/1"), make("Add", [f"{n}/1", f"{n}/b1"], f"{n}/x"),
            make("Mul", [f"{n}/x", slope.input[graph.constant_of(slope)]], f"{n}/slope"), make("Sigmoid", [f"{n}/slope"], f"{n}/gate"),
            make("Mul", [f"{n}/x", f"{n}/gate"], f"{n}/y"), make("MatMul", [f"{n}/y", f"{n}/w2"], f"{n}/2"), make("Add", [f"{n}/rest", f"{n}/2"], out),
        ]
    nodes = [each for node in graph.graph.node for each in [node, *after.get(node.name, [])]]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)
    del graph.graph.value_info[:]
    return model


def apart(model, feeds, more=False, count=32, activations=True, **options):
    model = smooth(split(model, feeds, count), feeds, activations=activations)
    floats = [node.name for node in model.graph.node if "/apart/" in node.name]
    if more:
        floats += sensitive(model, feeds[:4], by=options.get("by", "call"))
    return integer(model, feeds, floats=floats, **options)


def smoothed(model, feeds, make=integer, alpha=0.5, **options):
    return make(smooth(model, feeds, alpha), feeds, **options)


def with_floats(model, feeds, make=integer, **options):
    """Keeps the sensitive products in float."""
    return make(model, feeds, floats=sensitive(model, feeds[:4], by=options.get("by", "call")), **options)


SCHEMES = {
    "hub": hub,
    "signed7": integer,
    "signed8": functools.partial(integer, bits=8),
    "float": with_floats,
    "smooth": smoothed,
    "smooth.75": functools.partial(smoothed, alpha=0.75),
    "smooth8": functools.partial(smoothed, bits=8),
    "smooth-float": functools.partial(smoothed, make=with_floats),
    "rows": functools.partial(integer, by="row"),
    "smooth-rows": functools.partial(smoothed, by="row"),
    "smooth-rows-float": functools.partial(smoothed, make=with_floats, by="row"),
    "smooth-apart": apart,
    "smooth-apart-rows": functools.partial(apart, by="row"),
    "apart8": functools.partial(apart, bits=8, activations=False),
    "smooth-apart-float": functools.partial(apart, more=True),
    "blocks": blocks,
    "smooth-blocks": functools.partial(smoothed, make=blocks),
    "float32": lambda model, feeds: model,
}
