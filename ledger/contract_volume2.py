"""What the labs of Volume 2 save. Words, units and types follow the course's ledger contract exactly."""

from __future__ import annotations

from itertools import combinations

from ledger.lab_contract import LabContract, boolean, decision, lab, number, result, word

_RECIPES = ("standard", "adv4", "adv8", "smooth025", "smooth050", "smooth100")
_ACCOUNTANTS = ("laplace_basic", "laplace_advanced", "gaussian_zcdp")
_ARCHITECTURES = ("central_open", "central_isolated", "silo", "local")
# Levers joined by "+" always in this order, so that one set of levers has one name.
_LEVERS = ("cap", "shift", "move", "life")
_LEVER_SETS = tuple("+".join(chosen) for count in range(1, 5) for chosen in combinations(_LEVERS, count))

VOLUME_2: tuple[LabContract, ...] = (
    lab(
        "v2_01",
        number("fleet_gpus", "GPUs", "accelerators in the fleet"),
        word("link", "link between nodes", "eth100", "hdr", "ndr", "nvlink"),
        number("fleet_mtbf_h", "h", "mean time between failures of the fleet"),
        number("lost_min", "min", "work and time lost per failure"),
        number("compute_fraction", "fraction", "share of a step that computes"),
        contexts=("cloud", "fleet"),
        result=result("fraction", "compute fraction x goodput"),
        decision=decision(
            "more_gpus", "faster_link", "smaller_gradients", "overlap", "faster_recovery", "fewer_gpus"
        ),
    ),
    lab(
        "v2_02",
        number("tp", "GPUs", "tensor-parallel degree"),
        number("dp", "replicas", "data-parallel degree"),
        number("nics", "adapters", "network adapters per node, empty in single"),
        number("tokens", "tokens", "tokens per replica and step"),
        boolean("fewest_nics", "the design passes with four adapters"),
        contexts=("single", "multi"),
        result=result("fraction", "efficiency"),
        decision=decision(
            "tp_in_node", "tp_across_nodes", "more_nics", "bigger_batch", "more_nodes", "pcie_chassis"
        ),
    ),
    lab(
        "v2_03",
        number("oversubscription", "x", "downlink over uplink capacity"),
        word("wiring", "how nodes are cabled", "tor", "rail"),
        word("placement", "how jobs are placed", "packed", "random"),
        number("bisection_tb_s", "TB/s", "bisection bandwidth"),
        number("fabric_cost_usd", "USD", "cost of switches and cables"),
        contexts=("node8", "fleet1024"),
        result=result("fraction", "larger communication share"),
        decision=decision("nonblocking", "oversubscribe", "rail_wiring", "packed_placement", "slower_links"),
    ),
    lab(
        "v2_04",
        number("checkpoint_gb", "GB", "size of a checkpoint"),
        number("interval_min", "min", "time between checkpoints"),
        number("rpo_min", "min", "work lost at worst"),
        number("pause_s", "s", "training pause per checkpoint"),
        number("drives", "drives", "NVMe drives per node"),
        contexts=("nvme", "dfs"),
        result=result("fraction", "utilization of the video job"),
        decision=decision(
            "stage_nvme", "buy_share", "local_checkpoint", "shard_checkpoint", "longer_interval"
        ),
    ),
    lab(
        "v2_05",
        number("tp", "GPUs", "tensor-parallel degree"),
        number("pp", "stages", "pipeline stages"),
        number("dp", "replicas", "data-parallel degree"),
        number("microbatches", "microbatches", "microbatches per step"),
        number("gradient_shard_bytes", "B", "gradient bytes that one GPU exchanges"),
        number("memory_bytes", "B", "memory of one GPU in use"),
        number("step_time_s", "s", "one training step"),
        contexts=("dp", "3d"),
        result=result("fraction", "MFU of the last design that ran, empty if none ran"),
        decision=decision("dp_zero3", "tp_zero3", "tp_dp", "3d", "3d_interleaved"),
    ),
    lab(
        "v2_06",
        number("bucket_bytes", "B", "gradient bucket"),
        word("gradient_algorithm", "collective for gradients", "ring", "tree"),
        word("small_algorithm", "collective for small messages", "ring", "tree"),
        word("scope", "one ring over all, or within and between nodes", "flat", "hierarchical"),
        number("bytes_per_value", "B", "bytes of one sent value", 4, 2, 1),
        number("exposed_s", "s", "communication that computation does not hide"),
        contexts=("ring", "tree"),
        result=result("fraction", "exposed communication over compute"),
        decision=decision(
            "compressed", "ring_everywhere", "tree_everywhere", "hierarchical_mixed", "flat_mixed"
        ),
    ),
    lab(
        "v2_07",
        number("checkpoint_interval_s", "s", "time between checkpoints"),
        number("checkpoint_write_s", "s", "time to write one checkpoint"),
        number("fixed_restart_s", "s", "fixed part of a restart"),
        number("cluster_mtbf_s", "s", "mean time between failures of the cluster"),
        word("mode", "checkpoint mode", "sync", "async"),
        contexts=("8gpu", "16k_gpu"),
        result=result("fraction", "goodput of the last design outside a storm, empty if there was none"),
        decision=decision("async", "sync_fast_restart", "sync_fast_storage"),
    ),
    lab(
        "v2_08",
        number("busy_fraction", "fraction", "share of GPU time that is allocated"),
        number("short_wait_min", "min", "mean wait of a short job"),
        number("long_slowdown", "x", "turnaround over run time of a long job"),
        contexts=("fifo", "priority"),
        result=result("fraction", "productive load"),
        decision=decision("fifo", "priority", "preempt_kill", "preempt_save"),
    ),
    lab(
        "v2_09",
        number("weights_bits", "bit", "bits of a weight", 16, 4),
        number("kv_bits", "bit", "bits of a value in the KV cache", 16, 8),
        number("batch", "sequences", "sequences decoded together"),
        boolean("both_contexts_solved", "the challenge was met in both contexts"),
        contexts=("batch", "streaming"),
        result=result("x", "end-to-end speedup over the default of the context"),
        decision=decision(
            "fusion_graphs_int4", "kv_int8_fusion", "kv_int8_int4", "kv_int8_fusion_int4", "other"
        ),
    ),
    lab(
        "v2_10",
        number("kv_bits", "bit", "bits of a value in the KV cache", 16, 8),
        number("seats", "sequences", "sequences that a node holds"),
        number("nodes", "nodes", "nodes in the fleet"),
        number("tpot_s", "s", "time per output token"),
        number("ttft_p99_s", "s", "99th percentile of the time to first token"),
        number("node_capacity_req_s", "requests/s", "requests that one node sustains"),
        contexts=("latency", "throughput"),
        result=result("", "cost of the plan", latency="USD/h", throughput="USD per 1e6 tokens"),
        decision=decision(
            "static", "continuous_paged_prefix", "continuous_paged_kv8", "continuous_paged", "other"
        ),
    ),
    lab(
        "v2_11",
        number("local_epochs", "epochs", "epochs on a client per round"),
        number("clients_per_round", "clients", "clients whose update counts"),
        number("rounds", "rounds", "rounds until the target"),
        number("upload_bits", "bit", "bits of an uploaded value", 32, 16, 8, 4, 2),
        number("over_selection", "x", "clients asked over clients needed"),
        number("uplink_gb", "GB", "uplink traffic"),
        contexts=("centralized", "federated"),
        result=result("days", "calendar time"),
        decision=decision("centralized", "e2_4bit", "e2_2bit", "other"),
    ),
    lab(
        "v2_12",
        number("replicas", "replicas", "replicas of the service"),
        number("retries", "retries", "retries of a client"),
        number("retry_budget", "fraction", "retries allowed per request, empty for no budget"),
        number("cost_usd_per_h", "USD/h", "cost of the replicas"),
        contexts=("k8s", "bare_metal"),
        result=result("fraction", "larger hourly burn of the monthly error budget"),
        decision=decision("shed_cache_autoscale", "shed_headroom", "breaker", "headroom_only", "other"),
    ),
    lab(
        "v2_13",
        number("epsilon_year", "1", "privacy loss of a year"),
        number("delta_year", "1", "failure probability of a year"),
        number("releases_per_year", "1/year", "published answers"),
        number("throughput_tok_s", "tokens/s", "throughput under the chosen isolation"),
        contexts=("on_prem", "cloud"),
        prediction=("lin", "sqrt", "log", "sqrtlog"),
        result=result("USD", "typical error"),
        decision=decision(
            *(f"{accountant}/{place}" for accountant in _ACCOUNTANTS for place in _ARCHITECTURES)
        ),
    ),
    lab(
        "v2_14",
        word("recipe", "training recipe", *_RECIPES),
        number("filter_fpr", "fraction", "false positive rate of the filter, empty when off"),
        number("attack_share", "fraction", "share of requests that attack"),
        number("clean_accuracy", "fraction", "accuracy without an attack"),
        contexts=("production", "hardened"),
        prediction=("free", "small", "mid", "large"),
        result=result("fraction", "worst-case accuracy"),
        decision=decision("certify", "harden_and_filter", "harden", "filter", "none"),
    ),
    lab(
        "v2_15",
        number("efficiency_gain", "x", "work per joule, after over before"),
        number("demand_cap", "x", "cap on demand over today's, empty when off"),
        number("flexible_share", "fraction", "work that may wait"),
        number("moved_share", "fraction", "work moved to another region"),
        number("service_life_years", "years", "service life of the hardware"),
        number("total_t", "t", "carbon dioxide of a year, operation and hardware"),
        contexts=("coal", "renewable"),
        prediction=("half", "zero", "fifty", "double"),
        result=result("ratio", "carbon over today's"),
        decision=decision("none", *_LEVER_SETS),
    ),
    lab(
        "v2_16",
        number("tpr_gap", "fraction", "difference of the true positive rates"),
        number("ppv_gap", "fraction", "difference of the precisions"),
        number("selection_ratio", "fraction", "selection rate of one group over the other"),
        number("latency_ms", "ms", "latency of a decision with its explanation"),
        number("labels_per_day", "1/day", "labels for monitoring"),
        contexts=("accuracy", "equity"),
        prediction=("odds", "inverse", "one", "prev"),
        result=result("fraction", "accuracy"),
        decision=decision("calibration", "equal_opportunity", "demographic_parity", "custom"),
    ),
    lab(
        "v2_17",
        number("gpus", "GPUs", "accelerators in the fleet"),
        number("training_days", "days", "training time"),
        number("carbon_t", "t", "carbon dioxide of the training run"),
        number("labs_read", "labs", "entries that the board could read"),
        number("share_correct", "fraction", "share of right Act I predictions among them"),
        contexts=("fleet", "pod"),
        prediction=("compute", "network", "mtbf", "checkpoint"),
        result=result("audits", "audits passed, of eight", *range(9)),
        decision=decision(
            "commission",
            "deadline",
            "communication",
            "failure",
            "memory",
            "memory_wall",
            "carbon",
            "privacy",
            "equity",
        ),
    ),
)
