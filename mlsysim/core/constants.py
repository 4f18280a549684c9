"""The constants that two or more labs share, each with its provenance.

Labs write ``H100_MEM_BW.value``.  Numbers of one story (targets, limits, slider ranges) live in the lab's
file.
Prefixes are decimal, except for on-chip memories.  H100 rates are dense unless the name says SPARSE.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from mlsysim.core.provenance import Constant

_C = Constant

H100_DATASHEET = "NVIDIA H100 SXM5 data sheet"
ORIN_NX_DATASHEET = "NVIDIA Jetson Orin NX 16 GB data sheet"
ORIN_NANO_DATASHEET = "NVIDIA Jetson Orin Nano 8 GB data sheet (as launched, 15 W mode)"
A100_DATASHEET = "NVIDIA A100 80 GB SXM data sheet"
REGIMES = "Deployment regimes"

# --- cloud ----------------------------------------------------------------------------------------------

H100_FLOPS_FP16_TENSOR = _C(
    "H100_FLOPS_FP16_TENSOR", 989e12, "FLOP/s", "dense FP16/BF16 tensor peak", H100_DATASHEET, REGIMES, "datasheet"
)
H100_FLOPS_FP16_TENSOR_SPARSE = _C(
    "H100_FLOPS_FP16_TENSOR_SPARSE",
    1979e12,
    "FLOP/s",
    "FP16/BF16 peak with 2:4 sparsity; used in no time",
    H100_DATASHEET,
    REGIMES,
    "datasheet",
)
H100_FLOPS_INT8_TENSOR = _C(
    "H100_FLOPS_INT8_TENSOR", 1979e12, "op/s", "dense INT8 tensor peak", H100_DATASHEET, REGIMES, "datasheet"
)
H100_INT8_TWICE_FP16 = _C(
    "H100_INT8_TWICE_FP16",
    2 * H100_FLOPS_FP16_TENSOR.value,
    "op/s",
    "INT8 rate by the rule 'twice FP16' that Lab 02 applies to every device",
    f"2 x the dense FP16 peak of the {H100_DATASHEET}",
    "ML Systems",
    "derived",
)
H100_FLOPS_FP32 = _C(
    "H100_FLOPS_FP32", 67e12, "FLOP/s", "FP32 peak of the CUDA cores", H100_DATASHEET, REGIMES, "datasheet"
)
H100_MEM_BW = _C("H100_MEM_BW", 3.35e12, "B/s", "HBM3 bandwidth", H100_DATASHEET, REGIMES, "datasheet")
H100_MEM_CAPACITY = _C("H100_MEM_CAPACITY", 80e9, "B", "HBM3 capacity, decimal", H100_DATASHEET, REGIMES, "datasheet")
H100_TDP = _C("H100_TDP", 700.0, "W", "thermal design power", H100_DATASHEET, REGIMES, "datasheet")
H100_FP32_CLOCK = _C(
    "H100_FP32_CLOCK",
    1.98272e9,
    "Hz",
    "boost clock behind the FP32 peak",
    "67e12 over 16,896 lanes and 2 operations per clock",
    "Neural Network Computation",
    "derived",
)
H100_TENSOR_CLOCK = _C(
    "H100_TENSOR_CLOCK",
    1.83e9,
    "Hz",
    "boost clock behind the tensor peak",
    "989e12 over 528 tensor cores and 1,024 operations per clock",
    "Introduction",
    "derived",
)
H100_LANE_RATE = _C(
    "H100_LANE_RATE",
    H100_FLOPS_FP32.value / 2,
    "1/s",
    "lane-cycles per second of the 16,896 FP32 lanes",
    f"half of the FP32 peak, which counts a fused multiply-add as two, {H100_DATASHEET}",
    "Neural Network Computation",
    "derived",
)
H100_ONCHIP_BYTES = _C(
    "H100_ONCHIP_BYTES",
    132 * 228 * 1024.0,
    "B",
    "shared memory and level-1 cache of all multiprocessors",
    "132 multiprocessors x 228 KiB, NVIDIA Hopper architecture and CUDA C++ Programming Guide",
    "Neural Network Computation",
    "datasheet",
)
H100_ONCHIP_BW = _C(
    "H100_ONCHIP_BW",
    3.35e13,
    "B/s",
    "bandwidth of the shared memories together",
    "132 multiprocessors x 128 B per clock x 1.98272 GHz; the same sum gives 19.5 TB/s for the A100, "
    "Dao et al. 2022 print 19",
    "Neural Network Computation",
    "derived",
)
TWO_H100_FLOPS_FP16 = _C(
    "TWO_H100_FLOPS_FP16",
    2 * H100_FLOPS_FP16_TENSOR.value,
    "FLOP/s",
    "dense FP16 peak of two cards",
    f"2 x one card, {H100_DATASHEET}",
    "Conclusion",
    "derived",
)
TWO_H100_MEM_BW = _C(
    "TWO_H100_MEM_BW",
    2 * H100_MEM_BW.value,
    "B/s",
    "HBM3 bandwidth of two cards",
    f"2 x one card, {H100_DATASHEET}",
    "Conclusion",
    "derived",
)
TWO_H100_MEM_CAPACITY = _C(
    "TWO_H100_MEM_CAPACITY",
    2 * H100_MEM_CAPACITY.value,
    "B",
    "HBM3 capacity of two cards",
    f"2 x one card, {H100_DATASHEET}",
    "Conclusion",
    "derived",
)
A100_FLOPS_FP16_TENSOR = _C(
    "A100_FLOPS_FP16_TENSOR", 312e12, "FLOP/s", "dense FP16 tensor peak", A100_DATASHEET, "ML Systems", "datasheet"
)
A100_FLOPS_INT8_TENSOR = _C(
    "A100_FLOPS_INT8_TENSOR", 624e12, "op/s", "dense INT8 tensor peak", A100_DATASHEET, "ML Systems", "datasheet"
)
A100_FLOPS_FP32 = _C(
    "A100_FLOPS_FP32", 19.5e12, "FLOP/s", "FP32 peak of the CUDA cores", A100_DATASHEET, "ML Systems", "datasheet"
)
A100_MEM_BW = _C("A100_MEM_BW", 2.039e12, "B/s", "HBM2e bandwidth", A100_DATASHEET, "ML Systems", "datasheet")
A100_MEM_CAPACITY = _C(
    "A100_MEM_CAPACITY", 80e9, "B", "HBM2e capacity, decimal", A100_DATASHEET, "ML Systems", "datasheet"
)
A100_TDP = _C("A100_TDP", 400.0, "W", "thermal design power", A100_DATASHEET, "ML Systems", "datasheet")

# --- edge -----------------------------------------------------------------------------------------------

ORIN_NX_INT8_SPARSE = _C(
    "ORIN_NX_INT8_SPARSE",
    100e12,
    "op/s",
    "sparse INT8 peak, GPU and accelerators; used in no time",
    ORIN_NX_DATASHEET,
    REGIMES,
    "datasheet",
)
ORIN_NX_INT8_DENSE = _C(
    "ORIN_NX_INT8_DENSE",
    ORIN_NX_INT8_SPARSE.value / 2,
    "op/s",
    "dense INT8 peak",
    f"half of the sparse figure, {ORIN_NX_DATASHEET}",
    "ML Systems",
    "derived",
)
ORIN_NX_FP16_DENSE = _C(
    "ORIN_NX_FP16_DENSE",
    ORIN_NX_INT8_SPARSE.value / 4,
    "FLOP/s",
    "dense FP16 peak, accelerators included (the GPU alone is nearer 15e12)",
    f"a quarter of the sparse INT8 figure, {ORIN_NX_DATASHEET}",
    "ML Systems",
    "derived",
)
ORIN_NX_MEM_BW = _C(
    "ORIN_NX_MEM_BW", 102e9, "B/s", "LPDDR5 bandwidth (102.4 before rounding)", ORIN_NX_DATASHEET, REGIMES, "datasheet"
)
ORIN_NX_MEM_CAPACITY = _C(
    "ORIN_NX_MEM_CAPACITY", 16e9, "B", "LPDDR5 capacity, decimal", ORIN_NX_DATASHEET, REGIMES, "datasheet"
)
ORIN_NX_TDP = _C("ORIN_NX_TDP", 25.0, "W", "highest power mode", ORIN_NX_DATASHEET, REGIMES, "datasheet")
ORIN_NX_APP_BYTES = _C(
    "ORIN_NX_APP_BYTES",
    14e9,
    "B",
    "memory left for one model beside a light software stack",
    "assumption: 2 GB for system and stack",
    "Hardware Acceleration",
    "assumption",
)
AGX_ORIN_DATASHEET = "NVIDIA Jetson AGX Orin 64 GB technical brief"
AGX_ORIN_FP16_DENSE = _C(
    "AGX_ORIN_FP16_DENSE", 43e12, "FLOP/s", "dense FP16 peak of the GPU", AGX_ORIN_DATASHEET, "Frameworks", "datasheet"
)
AGX_ORIN_MEM_BW = _C(
    "AGX_ORIN_MEM_BW", 204.8e9, "B/s", "LPDDR5 bandwidth", AGX_ORIN_DATASHEET, "Frameworks", "datasheet"
)
ORIN_NANO_INT8_SPARSE = _C(
    "ORIN_NANO_INT8_SPARSE",
    40e12,
    "op/s",
    "sparse INT8 peak; used in no time",
    ORIN_NANO_DATASHEET,
    "ML Systems",
    "datasheet",
)
ORIN_NANO_INT8_DENSE = _C(
    "ORIN_NANO_INT8_DENSE",
    ORIN_NANO_INT8_SPARSE.value / 2,
    "op/s",
    "dense INT8 peak",
    f"half of the sparse figure, {ORIN_NANO_DATASHEET}",
    "ML Systems",
    "derived",
)
ORIN_NANO_FP16_DENSE = _C(
    "ORIN_NANO_FP16_DENSE",
    ORIN_NANO_INT8_SPARSE.value / 4,
    "FLOP/s",
    "dense FP16 peak",
    f"a quarter of the sparse INT8 figure, {ORIN_NANO_DATASHEET}",
    "ML Systems",
    "derived",
)
ORIN_NANO_MEM_BW = _C(
    "ORIN_NANO_MEM_BW", 68e9, "B/s", "LPDDR5 bandwidth", ORIN_NANO_DATASHEET, "ML Systems", "datasheet"
)
ORIN_NANO_MEM_CAPACITY = _C(
    "ORIN_NANO_MEM_CAPACITY", 8e9, "B", "LPDDR5 capacity, decimal", ORIN_NANO_DATASHEET, "ML Systems", "datasheet"
)
ORIN_NANO_TDP = _C("ORIN_NANO_TDP", 15.0, "W", "power mode at launch", ORIN_NANO_DATASHEET, "ML Systems", "datasheet")

# --- mobile ---------------------------------------------------------------------------------------------

MOBILE_INT8 = _C(
    "MOBILE_INT8",
    35e12,
    "op/s",
    "INT8 rate of a smartphone NPU",
    "course deployment regimes; Apple A17 Pro neural engine class (35 TOPS)",
    REGIMES,
    "course",
)
MOBILE_FP16 = _C(
    "MOBILE_FP16",
    MOBILE_INT8.value / 2,
    "FLOP/s",
    "FP16 rate of the NPU",
    "assumption: half the INT8 rate, the usual NPU ratio",
    "Neural Network Computation",
    "assumption",
)
MOBILE_FP32 = _C(
    "MOBILE_FP32",
    2e12,
    "FLOP/s",
    "FP32 rate of the phone GPU",
    "assumption: phone GPU of the 2 TFLOP/s class",
    "Neural Network Computation",
    "assumption",
)
MOBILE_NPU_MEM_BW = _C(
    "MOBILE_NPU_MEM_BW", 68e9, "B/s", "LPDDR bandwidth of the phone", "course deployment regimes", REGIMES, "course"
)
MOBILE_MEM_CAPACITY = _C(
    "MOBILE_MEM_CAPACITY", 8e9, "B", "memory of the phone", "course deployment regimes", REGIMES, "course"
)
MOBILE_LANE_RATE = _C(
    "MOBILE_LANE_RATE",
    MOBILE_FP32.value / 2,
    "1/s",
    "lane-cycles per second that evaluate activation functions",
    "assumption: the phone GPU, whose FP32 rate counts a fused multiply-add as two",
    "Neural Network Computation",
    "assumption",
)
MOBILE_ONCHIP_BYTES = _C(
    "MOBILE_ONCHIP_BYTES",
    8 * 1024.0**2,
    "B",
    "scratchpad of the NPU, 8 MiB",
    "assumption: flagship NPU scratchpads are of the 4 to 16 MiB class",
    "Neural Network Computation",
    "assumption",
)
MOBILE_ONCHIP_BW = _C(
    "MOBILE_ONCHIP_BW",
    680e9,
    "B/s",
    "bandwidth of the scratchpad",
    "assumption: ten times the main memory, the ratio of shared memory to HBM on the H100",
    "Neural Network Computation",
    "assumption",
)
MOBILE_APP_BYTES = _C(
    "MOBILE_APP_BYTES",
    4e9,
    "B",
    "memory that one foreground app may hold",
    "assumption: half of the device, the system and other apps own the rest",
    "Model Training",
    "assumption",
)
MOBILE_POWER = _C("MOBILE_POWER", 5.0, "W", "sustained power", "course deployment regimes", REGIMES, "course")
MOBILE_SLEEP_POWER = _C(
    "MOBILE_SLEEP_POWER",
    0.025,
    "W",
    "phone in suspend, radios idle",
    "assumption, optimistic: Carroll and Heiser 2010 measured 69 mW in suspend",
    "Orientation",
    "assumption",
)
MOBILE_BATTERY_J = _C(
    "MOBILE_BATTERY_J",
    54_000.0,
    "J",
    "energy of the phone battery, 15 Wh",
    "assumption: a 15 Wh battery",
    "Orientation",
    "assumption",
)

# --- tiny -----------------------------------------------------------------------------------------------

MCU_POWER = _C(
    "MCU_POWER", 0.1, "W", "Cortex-M7 class MCU while computing", "course deployment regimes", REGIMES, "course"
)
MCU_SLEEP_POWER = _C(
    "MCU_SLEEP_POWER",
    1e-5,
    "W",
    "MCU in standby with its clock running: about 3 uA at 3 V",
    "assumption: ST STM32F7 class data sheets give single-digit uA",
    "Orientation",
    "assumption",
)
MCU_FLOPS_REFERENCE = _C(
    "MCU_FLOPS_REFERENCE",
    1e6,
    "FLOP/s",
    "sustained rate of unoptimised reference kernels",
    "course deployment regimes",
    REGIMES,
    "course",
)
MCU_OPS_CMSIS = _C(
    "MCU_OPS_CMSIS",
    249e6,
    "op/s",
    "measured INT8 rate of optimised kernels on a 216 MHz Cortex-M7",
    "Lai, Suda and Chandra 2018 (CMSIS-NN)",
    "Introduction",
    "paper",
)
MCU_MEM_BW = _C("MCU_MEM_BW", 5e7, "B/s", "quad-SPI flash", "course deployment regimes", REGIMES, "course")
MCU_SRAM = _C("MCU_SRAM", 256 * 1024.0, "B", "on-chip SRAM, 256 KiB", "course deployment regimes", REGIMES, "course")
MCU_SRAM_USABLE = _C(
    "MCU_SRAM_USABLE",
    MCU_SRAM.value - 6144,
    "B",
    "SRAM less 6,144 B for stack and vectors",
    "assumption: usual stack reserve",
    "Conclusion",
    "assumption",
)
ESP32_RAM = _C(
    "ESP32_RAM", 520 * 1024.0, "B", "on-chip SRAM, 520 KiB", "Espressif ESP32 data sheet", REGIMES, "datasheet"
)

# --- links and storage, one direction -------------------------------------------------------------------

NVLINK4_BW = _C(
    "NVLINK4_BW",
    450e9,
    "B/s",
    "NVLink 4 per GPU, one direction",
    f"half of the 900 GB/s for both directions, {H100_DATASHEET}",
    "Compute Infrastructure",
    "derived",
)
IB_NDR_BW = _C(
    "IB_NDR_BW",
    50e9,
    "B/s",
    "InfiniBand NDR port, 400 Gb/s",
    "NVIDIA DGX H100 data sheet; 8 bits per byte",
    "Network Fabrics",
    "datasheet",
)
IB_HDR_BW = _C(
    "IB_HDR_BW",
    25e9,
    "B/s",
    "InfiniBand HDR port, 200 Gb/s",
    "InfiniBand roadmap; 8 bits per byte",
    "Network Fabrics",
    "datasheet",
)
ETH100_BW = _C(
    "ETH100_BW", 12.5e9, "B/s", "100 Gb/s Ethernet", "IEEE 802.3; 8 bits per byte", "Network Fabrics", "definition"
)
NVLINK_ALPHA = _C(
    "NVLINK_ALPHA",
    1e-6,
    "s",
    "start-up time inside a node",
    "course, Compute Infrastructure",
    "Compute Infrastructure",
    "chapter",
)
ETH_ALPHA = _C("ETH_ALPHA", 5e-6, "s", "start-up time of RoCE", "course, Network Fabrics", "Network Fabrics", "chapter")
IB_ALPHA = _C(
    "IB_ALPHA",
    1.5e-6,
    "s",
    "start-up time of InfiniBand through one switch",
    "course, Network Fabrics",
    "Network Fabrics",
    "chapter",
)
IB_LATENCY = _C(
    "IB_LATENCY",
    2e-6,
    "s",
    "start-up time of any path of the cluster, middle of 1-3 us",
    "course, Collective Communication (interconnect performance parameters)",
    "Collective Communication",
    "chapter",
)
IB_EFFECTIVE_LATENCY = _C(
    "IB_EFFECTIVE_LATENCY",
    5e-6,
    "s",
    "wire plus library start-up per collective step, network",
    "course, Collective Communication",
    "Collective Communication",
    "chapter",
)
NVLINK_EFFECTIVE_LATENCY = _C(
    "NVLINK_EFFECTIVE_LATENCY",
    2e-6,
    "s",
    "wire plus library start-up per collective step, inside a node",
    "course, Collective Communication",
    "Collective Communication",
    "chapter",
)
GPUS_PER_NODE = _C("GPUS_PER_NODE", 8.0, "GPU", "GPUs of one node", "NVIDIA DGX H100 data sheet", REGIMES, "datasheet")
NVME_BW = _C(
    "NVME_BW",
    7e9,
    "B/s",
    "sequential read of a PCIe Gen4 drive",
    "course, Data Engineering",
    "Data Engineering",
    "chapter",
)
EGRESS_USD_GB = _C(
    "EGRESS_USD_GB",
    0.09,
    "USD/GB",
    "list price of data leaving a cloud",
    "course, Data Engineering",
    "Data Engineering",
    "chapter",
)
PCIE5_BW = _C(
    "PCIE5_BW",
    64e9,
    "B/s",
    "PCIe Gen5 x16, one direction; data sheets also print 128 for both",
    f"course, Compute Infrastructure; {H100_DATASHEET}",
    "Compute Infrastructure",
    "datasheet",
)
NVLINK4_BW_PRINTED = _C(
    "NVLINK4_BW_PRINTED",
    900e9,
    "B/s",
    "NVLink 4 per GPU as printed: both directions of 18 links summed",
    H100_DATASHEET,
    "Compute Infrastructure",
    "datasheet",
)
NICS_PER_NODE = _C(
    "NICS_PER_NODE",
    8.0,
    "1",
    "compute adapters of one node, one per GPU",
    "NVIDIA DGX H100 data sheet",
    "Compute Infrastructure",
    "datasheet",
)

# --- models and data ------------------------------------------------------------------------------------

TORCHVISION = "torchvision model documentation"
RESNET50_PARAMS = _C(
    "RESNET50_PARAMS", 25_557_032.0, "parameter", "ResNet-50 weights", TORCHVISION, "Introduction", "paper"
)
RESNET50_FLOPS = _C(
    "RESNET50_FLOPS",
    8.2e9,
    "FLOP/image",
    "forward pass at 224 px, 4.1 G multiply-adds",
    "He et al. 2016",
    "Introduction",
    "paper",
)
RESNET50_TOP1 = _C("RESNET50_TOP1", 76.13, "percent", "ImageNet top-1 accuracy", TORCHVISION, "ML Systems", "paper")
RESNET50_H100_FED = _C(
    "RESNET50_H100_FED",
    0.18 * H100_FLOPS_FP16_TENSOR.value / (3 * RESNET50_FLOPS.value),
    "image/s",
    "training rate of one card alone, loader not limiting: 0.18 of the dense peak",
    "assumption: 0.18 of peak on small convolutions",
    "Data Engineering",
    "assumption",
)
RESNET50_H100_MLPERF = _C(
    "RESNET50_H100_MLPERF",
    5000.0,
    "image/s",
    "training rate per card inside a 64-card run",
    "MLPerf Training v3.1",
    "Data Selection",
    "paper",
)
TRAIN_FACTOR = _C(
    "TRAIN_FACTOR",
    3.0,
    "1",
    "training over forward pass",
    "backward pass costs two forward passes: Kaplan et al. 2020",
    "Data Engineering",
    "chapter",
)
MOBILENETV2_FLOPS = _C(
    "MOBILENETV2_FLOPS",
    0.6e9,
    "FLOP/image",
    "forward pass at 224 px, 0.3 G multiply-adds",
    "Sandler et al. 2018",
    "Introduction",
    "paper",
)
IMAGE_JPEG = _C(
    "IMAGE_JPEG", 150e3, "B", "one ImageNet JPEG", "course, Data Engineering", "Data Engineering", "chapter"
)
IMAGE_UINT8 = _C(
    "IMAGE_UINT8",
    224.0 * 224 * 3,
    "B",
    "one 224 x 224 RGB image, one byte per value",
    "model input size",
    "ML Systems",
    "definition",
)

HELLO_EDGE = "Zhang, Suda, Lai and Chandra 2017 (Hello Edge)"
DSCNN_S_BYTES = _C("DSCNN_S_BYTES", 38.6e3, "B", "DS-CNN small, INT8", HELLO_EDGE, "Introduction", "paper")
DSCNN_M_BYTES = _C("DSCNN_M_BYTES", 189.2e3, "B", "DS-CNN medium, INT8", HELLO_EDGE, "Introduction", "paper")
DSCNN_L_BYTES = _C("DSCNN_L_BYTES", 497.6e3, "B", "DS-CNN large, INT8", HELLO_EDGE, "Introduction", "paper")
DSCNN_S_OPS = _C("DSCNN_S_OPS", 5.4e6, "op", "DS-CNN small, one window", HELLO_EDGE, "Introduction", "paper")
DSCNN_M_OPS = _C("DSCNN_M_OPS", 19.8e6, "op", "DS-CNN medium, one window", HELLO_EDGE, "Introduction", "paper")
DSCNN_L_OPS = _C("DSCNN_L_OPS", 56.9e6, "op", "DS-CNN large, one window", HELLO_EDGE, "Introduction", "paper")
DSCNN_S_ACCURACY = _C("DSCNN_S_ACCURACY", 94.4, "percent", "DS-CNN small", HELLO_EDGE, "Introduction", "paper")
DSCNN_M_ACCURACY = _C("DSCNN_M_ACCURACY", 94.9, "percent", "DS-CNN medium", HELLO_EDGE, "Introduction", "paper")
DSCNN_L_ACCURACY = _C("DSCNN_L_ACCURACY", 95.4, "percent", "DS-CNN large", HELLO_EDGE, "Introduction", "paper")

RADFORD = "Radford et al. 2019 (GPT-2)"
GPT2XL_PARAMS = _C("GPT2XL_PARAMS", 1.5e9, "parameter", "GPT-2 XL", RADFORD, "Introduction", "paper")
GPT2XL_LAYERS = _C("GPT2XL_LAYERS", 48.0, "layer", "GPT-2 XL", RADFORD, "Introduction", "paper")
GPT2XL_WIDTH = _C("GPT2XL_WIDTH", 1600.0, "1", "GPT-2 XL", RADFORD, "Introduction", "paper")
GPT2XL_HEADS = _C("GPT2XL_HEADS", 25.0, "head", "GPT-2 XL", RADFORD, "Introduction", "paper")
DEVLIN = "Devlin et al. 2019 (BERT)"
BERT_WIDTH = _C("BERT_WIDTH", 768.0, "1", "BERT-Base", DEVLIN, "Frameworks", "paper")
BERT_LAYERS = _C("BERT_LAYERS", 12.0, "layer", "BERT-Base", DEVLIN, "Frameworks", "paper")
BERT_HEADS = _C("BERT_HEADS", 12.0, "head", "BERT-Base", DEVLIN, "Frameworks", "paper")
BERT_PARAMS = _C("BERT_PARAMS", 110e6, "parameter", "BERT-Base", DEVLIN, "Model Compression", "paper")
PARAMS_7B = _C(
    "PARAMS_7B", 7.0e9, "parameter", "size class 7B, 14e9 B in FP16", "course, size class", "Model Training", "chapter"
)
TOUVRON = "Touvron et al. 2023 (Llama 2)"
LLAMA2_7B_PARAMS = _C(
    "LLAMA2_7B_PARAMS", 6.738e9, "parameter", "Llama-2 7B", TOUVRON, "Performance Engineering", "paper"
)
LLAMA2_7B_LAYERS = _C("LLAMA2_7B_LAYERS", 32.0, "layer", "Llama-2 7B", TOUVRON, "Performance Engineering", "paper")
LLAMA2_7B_WIDTH = _C("LLAMA2_7B_WIDTH", 4096.0, "1", "Llama-2 7B", TOUVRON, "Performance Engineering", "paper")
LLAMA2_7B_KV_HEADS = _C("LLAMA2_7B_KV_HEADS", 32.0, "head", "Llama-2 7B", TOUVRON, "Performance Engineering", "paper")
LLAMA2_7B_HEAD_DIM = _C("LLAMA2_7B_HEAD_DIM", 128.0, "1", "Llama-2 7B", TOUVRON, "Performance Engineering", "paper")
LLAMA2_7B_FFN = _C(
    "LLAMA2_7B_FFN", 11_008.0, "1", "Llama-2 7B feed-forward width", TOUVRON, "Performance Engineering", "paper"
)
LLAMA2_13B_PARAMS = _C("LLAMA2_13B_PARAMS", 13e9, "parameter", "Llama-2 13B", TOUVRON, "Conclusion", "paper")
LLAMA2_13B_LAYERS = _C("LLAMA2_13B_LAYERS", 40.0, "layer", "Llama-2 13B", TOUVRON, "Conclusion", "paper")
LLAMA2_13B_HEADS = _C("LLAMA2_13B_HEADS", 40.0, "head", "Llama-2 13B", TOUVRON, "Conclusion", "paper")
LLAMA2_13B_HEAD_DIM = _C("LLAMA2_13B_HEAD_DIM", 128.0, "1", "Llama-2 13B", TOUVRON, "Conclusion", "paper")
PARAMS_70B = _C(
    "PARAMS_70B", 70e9, "parameter", "size class 70B (Llama-2 70B)", TOUVRON, "Compute Infrastructure", "chapter"
)
PARAMS_70B_LAYERS = _C("PARAMS_70B_LAYERS", 80.0, "layer", "Llama-2 70B", TOUVRON, "Compute Infrastructure", "paper")
PARAMS_70B_WIDTH = _C("PARAMS_70B_WIDTH", 8192.0, "1", "Llama-2 70B", TOUVRON, "Compute Infrastructure", "paper")
PARAMS_70B_KV_HEADS = _C("PARAMS_70B_KV_HEADS", 8.0, "head", "Llama-2 70B", TOUVRON, "Compute Infrastructure", "paper")
PARAMS_70B_HEAD_DIM = _C("PARAMS_70B_HEAD_DIM", 128.0, "1", "Llama-2 70B", TOUVRON, "Compute Infrastructure", "paper")
META = "Meta Llama 3.1 model card"
INFERENCE = "Inference at Scale"
LLAMA31_70B_PARAMS = _C("LLAMA31_70B_PARAMS", 70.6e9, "parameter", "Llama-3.1 70B", META, INFERENCE, "paper")
LLAMA31_70B_LAYERS = _C("LLAMA31_70B_LAYERS", 80.0, "layer", "Llama-3.1 70B", META, INFERENCE, "paper")
LLAMA31_70B_WIDTH = _C("LLAMA31_70B_WIDTH", 8192.0, "1", "Llama-3.1 70B", META, INFERENCE, "paper")
LLAMA31_70B_HEADS = _C("LLAMA31_70B_HEADS", 64.0, "head", "Llama-3.1 70B", META, INFERENCE, "paper")
LLAMA31_70B_KV_HEADS = _C("LLAMA31_70B_KV_HEADS", 8.0, "head", "Llama-3.1 70B", META, INFERENCE, "paper")
LLAMA31_70B_HEAD_DIM = _C("LLAMA31_70B_HEAD_DIM", 128.0, "1", "Llama-3.1 70B", META, INFERENCE, "paper")
LLAMA31_8B_PARAMS = _C("LLAMA31_8B_PARAMS", 8.03e9, "parameter", "Llama-3.1 8B", META, "Fault Tolerance", "paper")
LLAMA31_8B_LAYERS = _C("LLAMA31_8B_LAYERS", 32.0, "layer", "Llama-3.1 8B", META, "Fault Tolerance", "paper")
LLAMA31_8B_KV_HEADS = _C("LLAMA31_8B_KV_HEADS", 8.0, "head", "Llama-3.1 8B", META, "Fault Tolerance", "paper")
LLAMA31_8B_HEAD_DIM = _C("LLAMA31_8B_HEAD_DIM", 128.0, "1", "Llama-3.1 8B", META, "Fault Tolerance", "paper")
BROWN = "Brown et al. 2020 (GPT-3), Table 2.1"
SCALE = "Introduction to ML Systems at Scale"
GPT3_6_7B_PARAMS = _C("GPT3_6_7B_PARAMS", 6.7e9, "parameter", "GPT-3 6.7B", BROWN, SCALE, "paper")
GPT3_13B_PARAMS = _C("GPT3_13B_PARAMS", 13e9, "parameter", "GPT-3 13B", BROWN, SCALE, "paper")
GPT3_175B_PARAMS = _C("GPT3_175B_PARAMS", 175e9, "parameter", "GPT-3 175B", BROWN, SCALE, "paper")
GPT3_175B_LAYERS = _C("GPT3_175B_LAYERS", 96.0, "layer", "GPT-3 175B", BROWN, SCALE, "paper")
GPT3_175B_WIDTH = _C("GPT3_175B_WIDTH", 12_288.0, "1", "GPT-3 175B", BROWN, SCALE, "paper")
GPT3_TOKENS = _C("GPT3_TOKENS", 300e9, "token", "training tokens of GPT-3", "Brown et al. 2020 (GPT-3)", SCALE, "paper")
LLAMA2_BATCH_TOKENS = _C(
    "LLAMA2_BATCH_TOKENS", 4e6, "token", "batch of Llama 2, nominal", TOUVRON, "Network Fabrics", "paper"
)
LLAMA2_BATCH_TOKENS_POW2 = _C(
    "LLAMA2_BATCH_TOKENS_POW2",
    2.0**22,
    "token",
    "batch of Llama 2 as 2^22",
    TOUVRON,
    "Collective Communication",
    "derived",
)
KV_TOKEN_7B = _C(
    "KV_TOKEN_7B",
    2.0 * LLAMA2_7B_LAYERS.value * LLAMA2_7B_KV_HEADS.value * LLAMA2_7B_HEAD_DIM.value * 2,
    "B/token",
    "key-value cache per token at 16 bit",
    f"2 x layers x KV heads x head width x 2 B; {TOUVRON}",
    "Model Compression",
    "derived",
)
DECODE_GEMM_BYTES_7B = _C(
    "DECODE_GEMM_BYTES_7B",
    2 * LLAMA2_7B_LAYERS.value * (8 * LLAMA2_7B_WIDTH.value + 3 * LLAMA2_7B_FFN.value),
    "B/token",
    "inputs and outputs of the dense layers while decoding, 16 bit",
    f"32 layers x (4d + 2d + (d + 2 FFN) + (FFN + d)) values x 2 B; {TOUVRON}",
    "Hardware Acceleration",
    "derived",
)
KV_TOKEN_70B = _C(
    "KV_TOKEN_70B",
    2.0 * LLAMA31_70B_LAYERS.value * LLAMA31_70B_KV_HEADS.value * LLAMA31_70B_HEAD_DIM.value * 2,
    "B/token",
    "key-value cache per token at 16 bit",
    f"2 x layers x KV heads x head width x 2 B; {META}",
    INFERENCE,
    "derived",
)
ADAM_STATE_BYTES = _C(
    "ADAM_STATE_BYTES",
    16.0,
    "B/parameter",
    "weights 2, gradients 2, master weights 4, moments 8",
    "Rajbhandari et al. 2020 (ZeRO)",
    "Model Training",
    "paper",
)
CKPT_BYTES = _C(
    "CKPT_BYTES",
    14.0,
    "B/parameter",
    "checkpoint: training state without gradients",
    "Rajbhandari et al. 2020 (ZeRO)",
    "Fault Tolerance",
    "paper",
)
CKPT_BYTES_NO_MASTER = _C(
    "CKPT_BYTES_NO_MASTER",
    10.0,
    "B/parameter",
    "checkpoint without gradients and master weights",
    "course, Data Storage",
    "Data Storage",
    "chapter",
)
KORTHIKANTI = "Korthikanti et al. 2023 (arXiv 2022), Table 2"
ACT_BYTES_TOKEN = _C(
    "ACT_BYTES_TOKEN",
    34.0,
    "B/token",
    "saved activations of a layer per unit of width, scores excluded",
    KORTHIKANTI,
    "Model Training",
    "paper",
)
ACT_BYTES_INPUT = _C(
    "ACT_BYTES_INPUT", 2.0, "B/token", "kept input of a layer per unit of width", KORTHIKANTI, "Model Training", "paper"
)
ZHANG_OPT = "Zhang et al. 2022 (OPT)"
OPT_30B_PARAMS = _C("OPT_30B_PARAMS", 30e9, "parameter", "OPT-30B", ZHANG_OPT, "Compute Infrastructure", "paper")
OPT_30B_LAYERS = _C("OPT_30B_LAYERS", 48.0, "layer", "OPT-30B", ZHANG_OPT, "Compute Infrastructure", "paper")
OPT_30B_WIDTH = _C("OPT_30B_WIDTH", 7168.0, "1", "OPT-30B", ZHANG_OPT, "Compute Infrastructure", "paper")

# --- rates, overheads, prices ---------------------------------------------------------------------------

KERNEL_EFFICIENCY = _C(
    "KERNEL_EFFICIENCY", 0.50, "1", "share of the dense peak while nothing waits", "course, Volume 2", SCALE, "chapter"
)
HBM_RESERVE_TRAIN = _C(
    "HBM_RESERVE_TRAIN",
    8e9,
    "B",
    "context, buffers and fragmentation per GPU while training",
    "assumption: a tenth of the memory",
    "Compute Infrastructure",
    "assumption",
)
DISPATCH_HOST = _C(
    "DISPATCH_HOST", 10e-6, "s", "framework dispatch per operation", "course, Frameworks", "Frameworks", "chapter"
)
LAUNCH_HOST = _C("LAUNCH_HOST", 5e-6, "s", "kernel launch on the host", "course, Frameworks", "Frameworks", "chapter")
LAUNCH_EDGE = _C(
    "LAUNCH_EDGE",
    15e-6,
    "s",
    "kernel launch on an embedded ARM host",
    "assumption: three times a server's, inside the course's 5 to 20 us",
    "Network Architectures",
    "assumption",
)
DISPATCH_CALIBRATED = _C(
    "DISPATCH_CALIBRATED",
    5.79e-6,
    "s",
    "dispatch per kernel",
    "fitted to an observed 45 tokens/s",
    "Performance Engineering",
    "derived",
)
DECODE_OVERHEAD = _C(
    "DECODE_OVERHEAD",
    0.2e-3,
    "s",
    "captured graph, runtime and synchronisation per step",
    "assumption: tens of microseconds of driver time plus synchronisation",
    "ML Systems",
    "assumption",
)
H100_USD_H_ON_DEMAND = _C(
    "H100_USD_H_ON_DEMAND",
    4.00,
    "USD/GPU/hour",
    "on-demand list price",
    "course, Inference at Scale",
    INFERENCE,
    "chapter",
)
GPU_USD_H_OWNED = _C(
    "GPU_USD_H_OWNED",
    2.00,
    "USD/GPU/hour",
    "reference price of owned capacity",
    "course, Fleet Orchestration",
    "Fleet Orchestration",
    "chapter",
)
GPU_MTBF_H = _C(
    "GPU_MTBF_H",
    50_000.0,
    "hour",
    "time between job-stopping interruptions per GPU slot, all causes",
    "course, Fault Tolerance",
    "Fault Tolerance",
    "chapter",
)
LLAMA3_REPORT = "Dubey et al. 2024 (The Llama 3 Herd of Models), 3.3.4"
LLAMA3_GPUS = _C(
    "LLAMA3_GPUS", 16_384.0, "GPU", "GPUs of the Llama 3 405B run", LLAMA3_REPORT, "Fault Tolerance", "paper"
)
LLAMA3_DAYS = _C("LLAMA3_DAYS", 54.0, "day", "observed part of the run", LLAMA3_REPORT, "Fault Tolerance", "paper")
LLAMA3_INTERRUPTIONS = _C(
    "LLAMA3_INTERRUPTIONS",
    419.0,
    "count",
    "unexpected interruptions in that time",
    LLAMA3_REPORT,
    "Fault Tolerance",
    "paper",
)
LLAMA3_GPU_MTBF_H = _C(
    "LLAMA3_GPU_MTBF_H",
    LLAMA3_GPUS.value * LLAMA3_DAYS.value * 24 / LLAMA3_INTERRUPTIONS.value,
    "hour",
    "time between interruptions per GPU of the run, unrounded",
    f"computed from {LLAMA3_REPORT}",
    "Conclusion",
    "derived",
)
RELAUNCH = _C(
    "RELAUNCH",
    300.0,
    "s",
    "restart 180 and warm-up 120, detection not included",
    "mlsysim 0.3.0 recovery profile (60/180/120 s)",
    "Fault Tolerance",
    "assumption",
)
CI_COAL = _C(
    "CI_COAL",
    0.820,
    "kg/kWh",
    "carbon intensity of coal",
    "course, Sustainable AI (IPCC 2014)",
    "Sustainable AI",
    "chapter",
)
CI_US = _C(
    "CI_US", 0.429, "kg/kWh", "carbon intensity of the US grid", "course, Sustainable AI", "Sustainable AI", "chapter"
)
CI_RENEW = _C(
    "CI_RENEW", 0.050, "kg/kWh", "carbon intensity of renewables", "course, Sustainable AI", "Sustainable AI", "chapter"
)
IT_RATIO = _C(
    "IT_RATIO", 1.36, "1", "IT power of a rack over its GPU power", "course, rack table", "Sustainable AI", "chapter"
)
PUE = _C("PUE", 1.12, "1", "facility power over IT power", "mlsysim engine registry", "Sustainable AI", "course")
E_DRAM = _C(
    "E_DRAM",
    640e-12 / 4,
    "J/B",
    "DRAM access: 640 pJ per 32 bits, 160 pJ/B",
    "Horowitz 2014",
    "Model Compression",
    "paper",
)
EDGE_DECAY = _C(
    "EDGE_DECAY",
    math.log(1 / 0.98) / 30,
    "1/day",
    "slow visual drift: 2 % in 30 days",
    "course, ML Operations",
    "ML Operations",
    "chapter",
)
EDGE_LAG = _C(
    "EDGE_LAG", 14.0, "day", "from data to the edge fleet", "course, ML Operations", "ML Operations", "chapter"
)
RUN_COST_EDGE = _C(
    "RUN_COST_EDGE", 10_102.40, "USD", "one update of the edge fleet", "computed in Lab 14", "ML Operations", "derived"
)
PSI_SOURCE = "convention of credit scoring (Siddiqi 2006)"
PSI_MODERATE = _C(
    "PSI_MODERATE", 0.10, "1", "population stability index: moderate shift", PSI_SOURCE, "ML Workflow", "definition"
)
PSI_SIGNIFICANT = _C(
    "PSI_SIGNIFICANT",
    0.20,
    "1",
    "population stability index: significant shift",
    PSI_SOURCE,
    "ML Workflow",
    "definition",
)
PSI_CRITICAL = _C(
    "PSI_CRITICAL", 0.25, "1", "population stability index: critical shift", PSI_SOURCE, "ML Operations", "definition"
)
Z95 = _C(
    "Z95",
    1.959964,
    "1",
    "normal quantile, two-sided 95 %",
    "standard normal distribution",
    "Benchmarking",
    "definition",
)
FOUR_FIFTHS = _C(
    "FOUR_FIFTHS",
    0.80,
    "1",
    "least ratio of selection rates",
    "Uniform Guidelines on Employee Selection Procedures 1978",
    "Responsible Engineering",
    "definition",
)
COMPAS = "ProPublica 2016; Chouldechova 2017, rounded"
COMPAS_PREVALENCE_1 = _C(
    "COMPAS_PREVALENCE_1", 0.514, "1", "recidivism in group 1", COMPAS, "Responsible Engineering", "paper"
)
COMPAS_PREVALENCE_2 = _C(
    "COMPAS_PREVALENCE_2", 0.394, "1", "recidivism in group 2", COMPAS, "Responsible Engineering", "paper"
)
COMPAS_PPV_1 = _C("COMPAS_PPV_1", 0.63, "1", "precision in group 1", COMPAS, "Responsible Engineering", "paper")
COMPAS_PPV_2 = _C("COMPAS_PPV_2", 0.59, "1", "precision in group 2", COMPAS, "Responsible Engineering", "paper")
COMPAS_FNR_1 = _C(
    "COMPAS_FNR_1", 0.28, "1", "false-negative rate in group 1", COMPAS, "Responsible Engineering", "paper"
)
COMPAS_FNR_2 = _C(
    "COMPAS_FNR_2", 0.477, "1", "false-negative rate in group 2", COMPAS, "Responsible Engineering", "paper"
)
DAYS_PER_YEAR = _C("DAYS_PER_YEAR", 365.0, "day", "days of a year", "definition", "ML Workflow", "definition")
HOURS_PER_YEAR = _C("HOURS_PER_YEAR", 8760.0, "hour", "hours of a year", "definition", "Sustainable AI", "definition")

FABRICS = "Network Fabrics"
SWITCH_HOP_LATENCY = _C(
    "SWITCH_HOP_LATENCY",
    0.6e-6,
    "s",
    "one more switch and cable on a path, error correction included",
    "course, Network Fabrics (rail-optimized topology)",
    FABRICS,
    "chapter",
)
FEC_LATENCY = _C(
    "FEC_LATENCY",
    0.15e-6,
    "s",
    "forward error correction of PAM4 lanes per hop, middle of 0.1-0.2 us",
    "course, Network Fabrics",
    FABRICS,
    "chapter",
)
SWITCH_RADIX = _C(
    "SWITCH_RADIX", 64.0, "1", "ports of a Quantum-2 class switch", "NVIDIA QM9700 data sheet", FABRICS, "datasheet"
)
SWITCH_USD = _C(
    "SWITCH_USD",
    30_000.0,
    "USD",
    "one switch of 64 ports, mid-point of 10,000-50,000",
    "course, Network Fabrics (fat-tree networks)",
    FABRICS,
    "chapter",
)
OPTICAL_LINK_USD = _C(
    "OPTICAL_LINK_USD",
    500.0,
    "USD",
    "one optical leaf-spine link",
    "course, Network Fabrics (reach and medium)",
    FABRICS,
    "chapter",
)
JIANG = "Jiang et al. 2024 (Mixtral 8x7B)"
MIXTRAL_ACTIVE_PARAMS = _C(
    "MIXTRAL_ACTIVE_PARAMS", 12.9e9, "parameter", "parameters that a token uses", JIANG, FABRICS, "paper"
)
MIXTRAL_LAYERS = _C("MIXTRAL_LAYERS", 32.0, "layer", "Mixtral 8x7B", JIANG, FABRICS, "paper")
MIXTRAL_WIDTH = _C("MIXTRAL_WIDTH", 4096.0, "1", "Mixtral 8x7B", JIANG, FABRICS, "paper")
MIXTRAL_TOP_K = _C("MIXTRAL_TOP_K", 2.0, "1", "experts per token of Mixtral 8x7B", JIANG, FABRICS, "paper")

# --- federated learning ---------------------------------------------------------------------------------

EDGE_INTELLIGENCE = "Edge Intelligence"
LTE_UPLINK_BASE = _C(
    "LTE_UPLINK_BASE",
    1.28804,
    "W",
    "power of an LTE radio that sends, at no throughput",
    "Huang et al. 2012 (MobiSys), LTE power model",
    EDGE_INTELLIGENCE,
    "paper",
)
LTE_UPLINK_SLOPE = _C(
    "LTE_UPLINK_SLOPE",
    0.43839,
    "W s / Mbit",
    "power of an LTE radio per Mbit/s of uplink",
    "Huang et al. 2012 (MobiSys), LTE power model",
    EDGE_INTELLIGENCE,
    "paper",
)

# --- shared by labs of several chapters -----------------------------------------------------------------

FP16_BYTES = _C("FP16_BYTES", 2, "B", "one value at 16 bit", "IEEE 754", "course", "definition")
FLOP_PER_WEIGHT = _C(
    "FLOP_PER_WEIGHT",
    2,
    "FLOP",
    "one multiply and one add per weight and token",
    "Kaplan et al. 2020",
    "ML Systems",
    "paper",
)
PSI_BINS = _C(
    "PSI_BINS",
    10,
    "1",
    "bins of equal probability in training",
    "deciles, the usual choice",
    "ML Workflow",
    "assumption",
)
SLO_QUANTILE = _C(
    "SLO_QUANTILE",
    0.99,
    "1",
    "the quantile that a latency SLO names",
    "course, Model Serving",
    "Model Serving",
    "chapter",
)
COHORT_GAP_GATE = _C(
    "COHORT_GAP_GATE",
    0.05,
    "1",
    "largest gap between cohorts that may be certified",
    "course, Responsible Engineering: 5 points",
    "Responsible Engineering",
    "chapter",
)
H100_USD_HOUR = _C(
    "H100_USD_HOUR",
    4.0,
    "USD/h",
    "one H100 on demand, or a replica on it; prices from 2 to 13 are quoted",
    "course, Model Serving and Inference at Scale",
    "Model Serving",
    "chapter",
)
CLUSTER_GPUS = _C(
    "CLUSTER_GPUS",
    1024,
    "GPU",
    "reference cluster: 128 nodes of 8, one adapter per GPU",
    "course, Volume 2",
    "Network Fabrics",
    "chapter",
)

# --- carbon of grids and hardware -----------------------------------------------------------------------

# --- carbon of grids and hardware ---
CI_HYDRO = _C(
    "CI_HYDRO",
    0.020,
    "kg/kWh",
    "carbon intensity of a hydro grid (Quebec)",
    "course, Sustainable AI (the geography of carbon); Hydro-Quebec",
    "Sustainable AI",
    "chapter",
)
H100_EMBODIED_CARBON = _C(
    "H100_EMBODIED_CARBON",
    1312.0 / 8,
    "kg",
    "carbon of making one H100: an eighth of its baseboard of 8",
    "course, Sustainable AI; NVIDIA HGX H100 product carbon footprint",
    "Sustainable AI",
    "datasheet",
)
GPT3_TRAINING_ENERGY = _C(
    "GPT3_TRAINING_ENERGY", 1_287_000.0, "kWh", "training of GPT-3", "Patterson et al. 2021", "Sustainable AI", "paper"
)

# --- the lender of the chapters on fairness -------------------------------------------------------------

APPROVAL_RATE_A = _C(
    "APPROVAL_RATE_A",
    0.60,
    "1",
    "share of group A that repays",
    "course, Responsible AI (disagreement of metrics)",
    "Responsible AI",
    "chapter",
)
APPROVAL_RATE_B = _C(
    "APPROVAL_RATE_B",
    0.30,
    "1",
    "share of group B that repays",
    "course, Responsible AI (disagreement of metrics)",
    "Responsible AI",
    "chapter",
)
APPROVAL_SHARE_A = _C(
    "APPROVAL_SHARE_A",
    0.70,
    "1",
    "share of group A among the applicants",
    "assumption: a majority and a minority",
    "Responsible AI",
    "assumption",
)
APPROVAL_D_PRIME = _C(
    "APPROVAL_D_PRIME",
    2.0,
    "1",
    "separability of the score; the best accuracy is then the chapter's 85 %",
    "course, Responsible AI",
    "Responsible AI",
    "derived",
)

CONSTANTS: Mapping[str, Constant] = MappingProxyType(
    {name: value for name, value in globals().items() if isinstance(value, Constant)}
)
"""Every constant by name (read-only)."""
