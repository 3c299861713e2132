"""Scenarios for tests: a small one, and one that uses every field of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookean.scenario import Scenario, load_scenario

if TYPE_CHECKING:
    from pathlib import Path

SMALL = """\
name: small
seed: 7
workload:
  - {service: web, rate: 8/s, duration: 1h}
services:
  web:
    work: 40ms
    replica: {cpu: 1, memory: 512Mi}
platform: {preset: kubernetes-on-vms}
controllers:
  - {kind: hpa, service: web, min: 2, max: 20, metrics: [{resource: cpu, utilization: 60}]}
"""

FULL = """\
name: everything
seed: 18446744073709551615
duration: 3h
engine: lazy
record: {series: 30s, requests: off, decisions: {sampled: 1000}, latencies: true}
fidelity: exact
bin: 10s
workload:
  - service: api
    trace: counts.csv
    format: counts-csv
    from: 2024-05-01T00:01:00Z
    duration: 4min
    scale: 1.5
    thin: 0.5
    repeat: 3
    arrivals: exact
    start: 30s
    batch: {mean: 2}
    deadline: 10s
    retry:
      attempts: 4
      after: [rejected, timed_out]
      backoff: {initial: 50ms, factor: 3, maximum: 2s, jitter: equal}
      budget: {ratio: 0.1, per_second: 5, window: 20s}
  - {service: batch, requests: requests.csv, from: 1s, duration: 20s, thin: 0.25}
  - {service: fluid, load: [{cpu: 8, for: 500s}, {cpu: 2, for: 200s}], cycle: true}
  - service: steady
    rate: 8/s
    duration: 1h
    scale: 2
    arrivals: poisson
    batch: {sizes: [1, 10], weights: [3, 1]}
    clients: {count: 20, think: {distribution: exponential, mean: 5s}, duration: 30min}
  - {service: web, rates: {step: 60s, values: [1, 2.5, 0]}, repeat: 2, arrivals: exact}
  - {service: worker, counts: [10, 0, 20], step: 1min, batch: 4}
services:
  api:
    work: {distribution: lognormal, mean: 40ms, cv: 1.0}
    replica:
      {cpu: 500m, memory: 512Mi, concurrency: 8, image: 600MB, memory_idle: 100Mi, memory_per_request: 1Mi,
       cpu_limit: 1, cfs_period: 50ms, cores: 4}
    replicas: 3
    warm_start: false
    start: 10s
    queue: {discipline: processor_sharing, routing: {kind: power_of_choices, choices: 3}, limit: 200, timeout: 5s, total_timeout: 8s}
    slo: {latency: 250ms, target: 0.99}
    startup:
      create: {distribution: uniform, low: 500ms, high: 2s}
      init: {distribution: erlang, mean: 2s, stages: 3}
    termination_grace: 20s
    calls:
      - to: [steady, worker]
        probability: 0.5
        copies: 2
        wait_for: 3
        delay: {distribution: exponential, mean: 2ms}
        deadline: 4s
        retry: {attempts: 2, budget: {ratio: 0.1}}
      - {to: steady, hold: false}
    warmup: {from: 0.3, over: 2min, shape: exponential, steps: 12}
  batch:
    replica: {cpu: 2, memory: 1Gi}
    queue: {discipline: fifo, routing: {kind: sticky, sessions: 100, zipf_exponent: 1.1}}
  fluid:
    replica: {cpu: 1, memory: 256Mi, concurrency: unlimited}
  steady:
    work: {distribution: exponential, mean: 20ms}
    replica: {cpu: 1, memory: 256Mi}
    classes: {gold: {share: 0.2, level: 0, work_factor: 1.5}, rest: {share: 0.8, level: 1, work_factor: 1}}
    queue: {discipline: central_priority, limit: 10, when_full: push_out}
  web:
    work: {distribution: hyperexponential, means: [10ms, 100ms], weights: [0.9, 0.1]}
    replica: {cpu: 1, memory: 256Mi, memory_idle: 64Mi}
    fidelity: binned
    bin: 5s
    startup: {init: {distribution: lognormal, median: 2s, sigma: 0.3}}
    warmup: [{age: 0s, speed: 0.5}, {age: 30s, speed: 1}]
  worker:
    work: {distribution: constant, value: 1s}
    replica: {cpu: 1, memory: 256Mi}
platform:
  kind: cluster
  pools:
    - {name: big, cpu: 64, memory: 256Gi, price: 3 USD/h, nodes: 2, max_replicas: 200, allocatable_cpu: 63, allocatable_memory: 250Gi}
    - {name: small, instance: aws/m7i.2xlarge, min: 1, max: 9, owned: true}
  startup:
    provision: 30s
    boot: {distribution: lognormal, median: 10s, sigma: 0.2}
    join: {distribution: exponential, mean: 5s}
    create: 1s
  pull:
    node_bandwidth: 250MB/s
    registry_bandwidth: 100MB/s
    unpack_rate: 80MB/s
    compression_ratio: 2.5
    layers: 6
    rtt: 20ms
    serialized: false
  daemons: {cpu: 100m, memory: 200Mi}
  reservation: eks
  speed_ratio: 0.95
  memory_overhead: 0.05
  billing: {granularity: 1h, minimum: 1h}
resizes:
  - {service: web, at: 2h, cpu: 1500m}
  - {service: api, at: 1h, cpu: 1}
faults:
  - {name: loss, kind: node_loss, at: 1h, node: 1, repair: {distribution: lognormal, mean: 5min, cv: 0.5}, requests: requeued}
  - {kind: node_loss, between: {distribution: weibull, mean: 30d, shape: 0.8}, repair: 1h}
  - {name: crash, kind: replica_crash, service: api, at: 1h, replica: 0, recovery: replace, requests: requeued}
  - {kind: replica_crash, service: web, between: {distribution: exponential, mean: 6h}, restart: 2s}
  - {name: slow, kind: slow_down, at: 1h, node: 0, duration: 5min, factor: 0.5}
  - {kind: slow_down, service: web, between: {distribution: weibull, scale: 1h, shape: 0.7}, duration: 1min, factor: 0.8, replica: random}
  - {name: stop, kind: pause, at: 1h, node: random, duration: 1s}
  - {kind: pause, service: batch, replica: random, between: 10min, duration: 100ms}
controllers:
  - kind: hpa
    service: api
    min: 2
    max: 200
    metrics:
      - {resource: cpu, utilization: 60}
      - {resource: memory, average_value: 300Mi}
      - {resource: cpu, average_value: 300m}
      - {pods: requests_per_second, average_value: 100}
    behavior:
      scale_up:
        stabilization_window: 0s
        select_policy: Max
        policies: [{type: Pods, value: 4, period: 15s}, {type: Percent, value: 100, period: 15s}]
        tolerance: 0.05
      scale_down:
        stabilization_window: 300s
        select_policy: Min
        policies: [{type: Percent, value: 10, period: 60s}]
        tolerance: 0.2
    sync_period: 20s
    tolerance: 0.15
    cpu_initialization_period: 200s
    initial_readiness_delay: 20s
    downscale_stabilization: 250s
    first_sync: after_period
    gates: {scale_to_zero: false, configurable_tolerance: true}
    pipeline:
      kind: kubernetes
      housekeeping_min: 9s
      housekeeping_max: 14s
      resolution: 30s
      adapter_period: 10s
      adapter_window: 50s
      adapter_delay: 1s
  - {kind: static, service: batch, replicas: 4, check_period: 30s, pipeline: ideal}
  - {kind: hpa, service: fluid, max: 100, behavior: {}, pipeline: {kind: ideal, window: 0s}}
  - {kind: hpa, service: web, max: 9, pipeline: {kind: ideal, window: 30s}}
"""

FLEET = """\
name: fleet
seed: 1
workload: {service: web, rate: 8/s, duration: 1h}
services: {web: {work: 40ms}}
platform: vm-fleet
controllers:
  - kind: ec2-target-tracking
    service: web
    min: 1
    max: 20
    policies:
      - {metric: cpu, target: 50}
      - {metric: request_count_per_target, target: 600, disable_scale_in: true}
    instance_warmup: 200s
    period: 10s
    high_datapoints: 2
    low_datapoints: 10
    low_factor: 0.8
    alarm_repeat: 30s
    pipeline: {kind: cloudwatch, period: 10s, delay: 20s}
"""

COUNTS = """\
time,count
2024-05-01T00:00:00Z,5
2024-05-01T00:01:00Z,7
2024-05-01T00:02:00Z,0
2024-05-01T00:03:00Z,3
2024-05-01T00:04:00Z,9
2024-05-01T00:05:00Z,2
"""

REQUESTS = "time,work\n0.5,0.010\n1.5,0.020\n3,0.005\n19,0.5\n30,0.1\n"


def write(folder: Path, text: str, name: str = "scenario.yaml") -> Path:
    """Writes a scenario file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str = SMALL, overrides: tuple[str, ...] = ()) -> Scenario:
    """Writes a scenario file and reads it back."""
    return load_scenario(write(folder, text), overrides)


def example_full_scenario(folder: Path) -> Scenario:
    """Returns a scenario on a cluster that uses every field of the model; its traces are written to the folder."""
    write(folder, COUNTS, "counts.csv")
    write(folder, REQUESTS, "requests.csv")
    return load(folder, FULL)


def example_fleet_scenario(folder: Path) -> Scenario:
    """Returns a scenario on a fleet that uses every field of its controller."""
    return load(folder, FLEET)
