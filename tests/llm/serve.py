"""llama.cpp's own server: `serve.py MODEL PORT WINDOW [TEMPLATE]`; it ends with its standard input."""

import sys

import xllamacpp


def main(model, port, window, template=""):
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port, params.n_ctx = int(port), int(window)
    params.n_parallel, params.n_gpu_layers = 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = False
    if template:
        params.chat_template, params.use_jinja = template, True
    server = xllamacpp.Server(params)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main(*sys.argv[1:])
