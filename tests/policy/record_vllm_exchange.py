"""Record ``vllm_exchange.json`` from a running vLLM server of SmolLM2-135M-Instruct.

    PYTHONPATH=. python tests/policy/record_vllm_exchange.py http://localhost:8000 SFT IMITATE

SFT and IMITATE are finished fine-tunings of experiments/smollm2_cpu, ``STORE/STAGE/KEY``, by paths
that the server can read. It must be newly started, as tratree/policy/README.md says.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.policy.vllm_stand_in import serving
from tratree.errors import UserError
from tratree.policy.rollout_settings import SamplingSettings
from tratree.policy.vllm_server import VllmServer

FILE = Path(__file__).with_name("vllm_exchange.json")
TURNS = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n<|im_start|>user\nYour task is to: look at bowl under the desklamp.<|im_end|>\n"
    "<|im_start|>assistant\n"
)


def main(url: str, sft: str, imitate: str) -> None:
    """Talk to the server through a proxy that writes down each different request."""
    exchange: list[dict[str, Any]] = []

    def forward(method: str, path: str, request: Any) -> tuple[int, Any]:
        answer = httpx.request(method, url + path, json=request, timeout=600)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        entry = {
            "method": method,
            "path": path,
            "request": request,
            "status": answer.status_code,
            "response": answer.json() if is_json else answer.text,
        }
        if all((path, request) != (old["path"], old["request"]) for old in exchange):
            exchange.append(entry)
        return entry["status"], entry["response"]

    def name(stage: str) -> str:
        return "-".join(Path(stage).parts[-2:])

    with closing(VllmServer(url)) as direct:
        direct.load_adapter(name(sft), Path(sft, "adapter"))
    prompt = {"prompt": TURNS, "add_special_tokens": False}
    tokens = httpx.post(f"{url}/tokenize", json=prompt, timeout=600).raise_for_status().json()
    with serving(forward) as proxy, closing(VllmServer(proxy)) as server:
        server.load_adapter(name(imitate), Path(imitate, "adapter"))
        sampling = SamplingSettings(0.7, top_p=0.9, top_k=20, min_p=0.05)
        server.complete(
            name(imitate), tokens["tokens"], sampling, max_tokens=31, stop_ids=[0, 2], seed=1234
        )
        with suppress(UserError):
            server.load_adapter("imitate-0000000000000000", Path("/nowhere"))
    FILE.write_text(json.dumps(exchange, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
