"""One training step of a torchvision network on the CPU, timed, for networks that the other scripts do not build.

    python torchvision_step.py mobilenet_v2 --batch 32 --threads 2

Channels-last, fp32, SGD with momentum, random pictures of 224x224. Prints one JSON line: the median and the fastest step.
Needs torch and torchvision (measured with 2.13.0+cpu).
"""
import argparse
import json
import time

import torch
import torchvision

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--steps", type=int, default=5)
arguments = parser.parse_args()

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
network = getattr(torchvision.models, arguments.model)(weights=None)
network = network.to(memory_format=torch.channels_last).train()
pictures = torch.randn(arguments.batch, 3, 224, 224).contiguous(memory_format=torch.channels_last)
labels = torch.randint(0, 1000, (arguments.batch,))
optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
seconds = []
for _ in range(2 + arguments.steps):  # the first two warm up
    start = time.perf_counter()
    optimizer.zero_grad(set_to_none=True)
    torch.nn.functional.cross_entropy(network(pictures), labels).backward()
    optimizer.step()
    seconds.append(time.perf_counter() - start)
steps = sorted(seconds[2:])
print(json.dumps({"model": arguments.model, "batch": arguments.batch, "step_seconds": round(steps[len(steps) // 2], 4),
                  "fastest": round(steps[0], 4)}))
