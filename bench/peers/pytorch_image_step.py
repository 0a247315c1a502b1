"""One training step of PyTorch on the CPU at 224x224, timed: the yardstick for this project's networks for large pictures.

    python pytorch_image_step.py --model resnet18|resnet50|mobilenet_v2_relu --batch 16 --threads 2 [--size 224] [--channels-last] [--bf16]

The networks are torchvision's ResNets (version 1.5) and MobileNetV2 with ReLU in the place of ReLU6, written out here, so that
torch alone is needed. Prints one JSON line: median step seconds behind the first, images per second, bytes that autograd keeps for
the backward pass. Take the better of the default and --channels-last as the yardstick.
"""
import argparse, json, sys, time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as e:
    print(f"{e.name} is missing: pip install torch numpy", file=sys.stderr)
    sys.exit(2)


def unit(cin, cout, kernel, stride=1, groups=1, relu=True):
    """Convolution, batch norm and perhaps ReLU."""
    layers = [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(cout)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class Residual(nn.Module):
    """The sum of a body and a shortcut, through a ReLU where `relu` says so."""

    def __init__(self, body, shortcut, relu):
        super().__init__()
        self.body, self.shortcut, self.relu = body, shortcut, relu

    def forward(self, x):
        y = self.body(x) + self.shortcut(x)
        return F.relu(y, inplace=True) if self.relu else y


def resnet(blocks, bottleneck, classes):
    layers, cin = [unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], 64
    for group, count in enumerate(blocks):
        for block in range(count):
            width, stride = 64 << group, 2 if group and not block else 1
            cout = 4 * width if bottleneck else width
            body = [unit(cin, width, 1), unit(width, width, 3, stride), unit(width, cout, 1, relu=False)] if bottleneck \
                else [unit(cin, width, 3, stride), unit(width, cout, 3, relu=False)]
            same = stride == 1 and cin == cout
            shortcut = nn.Identity() if same else unit(cin, cout, 1, stride, relu=False)
            layers.append(Residual(nn.Sequential(*body), shortcut, True))
            cin = cout
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(cin, classes))


def mobilenet_v2(classes):
    layers, cin = [unit(3, 32, 3, 2)], 32
    for expansion, cout, count, first in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for block in range(count):
            stride, wide = first if block == 0 else 1, expansion * cin
            body = [unit(cin, wide, 1)] if expansion > 1 else []
            body += [unit(wide, wide, 3, stride, groups=wide), unit(wide, cout, 1, relu=False)]
            body = nn.Sequential(*body)
            layers.append(Residual(body, nn.Identity(), False) if stride == 1 and cin == cout else body)
            cin = cout
    return nn.Sequential(*layers, unit(cin, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes))


MODELS = {
    "resnet18": lambda classes: resnet((2, 2, 2, 2), False, classes),
    "resnet34": lambda classes: resnet((3, 4, 6, 3), False, classes),
    "resnet50": lambda classes: resnet((3, 4, 6, 3), True, classes),
    "resnet101": lambda classes: resnet((3, 4, 23, 3), True, classes),
    "resnet152": lambda classes: resnet((3, 8, 36, 3), True, classes),
    "mobilenet_v2_relu": mobilenet_v2,
}

ap = argparse.ArgumentParser()
ap.add_argument("--model", default="resnet50", choices=MODELS); ap.add_argument("--batch", type=int, default=16)
ap.add_argument("--threads", type=int, default=2); ap.add_argument("--steps", type=int, default=5)
ap.add_argument("--size", type=int, default=224); ap.add_argument("--classes", type=int, default=1000)
ap.add_argument("--channels-last", action="store_true"); ap.add_argument("--bf16", action="store_true")
a = ap.parse_args()
torch.set_num_threads(a.threads)
torch.manual_seed(1)
net = MODELS[a.model](a.classes)
x, labels = torch.rand(a.batch, 3, a.size, a.size) * 2 - 1, torch.randint(0, a.classes, (a.batch,))
if a.channels_last:
    net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=2e-4)
kept = {}


def keep(tensor):
    """Storages that wait for the backward pass, each once; weights wait anyway."""
    if not isinstance(tensor, nn.Parameter):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
    return tensor


def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=a.bf16):
        loss = F.cross_entropy(net(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
    step()
seconds = []
for _ in range(max(1, a.steps - 1)):
    start = time.perf_counter()
    step()
    seconds.append(time.perf_counter() - start)
median = sorted(seconds)[len(seconds) // 2]
print(json.dumps(dict(peer="pytorch " + torch.__version__, **vars(a), step_seconds=round(median, 4),
                      images_per_second=round(a.batch / median, 2), saved_mib=round(sum(kept.values()) / 2**20, 1))))
