"""All benchmarks, one after the other. They print; they assert nothing about time."""

from tests.benchmarks import bench_pages, bench_physics, bench_snapshots

bench_physics.main()
bench_pages.main()
bench_snapshots.main()
