"""Work that is done elsewhere: in this process, in processes of this machine, or on the workers of a Dask cluster.

    with local(own, workers=4) as pool:                      # 1: in this process
    with cluster("tcp://host:8786", own, begin) as pool:     # the extra ``cluster``
        for key, result in zip(keys, in_order(pool, judge, keys), strict=True):
            ...                                              # result is an answer, or why there is none

``judge(own, key)`` is a function of a module, ``key`` and its answer are small values that pickle: names, numbers,
dates. ``own`` is what a worker works with: the settings, a store's address, whatever holds secrets. It reaches a
process of this machine through a pipe when that begins, and never goes to a cluster: there each worker makes its own,
by `Begin`, from its own files and environment, and who has another version of the tool, or made something else of
``own`` that decides about results, is refused in one sentence. So a task is a function's name and a key.

`in_order` gives the answers in the order of the keys, whatever finished first, and they are the same whoever gives
them. At most `Pool.width` tasks are under way. An error of ours that a task raises stands in its place, any other as a
`Defect`. A process that dies takes along what it was at: that is done once more, alone, and is a `WorkerLost` where it
dies again. What no worker can answer any more (the scheduler has gone, all workers have) raises a `ClusterError`.
Leaving the block, for whatever reason, ends the processes, and takes what is left of the tasks off the cluster.

No scheduler of our own: both sides are `concurrent.futures.Executor`.
"""

from perftracker_ai.executors.cluster import Begin, cluster
from perftracker_ai.executors.local import cores, local
from perftracker_ai.executors.order import Pool, in_order
from perftracker_ai.executors.packing import packed, unpacked

__all__ = ["Begin", "Pool", "cluster", "cores", "in_order", "local", "packed", "unpacked"]
