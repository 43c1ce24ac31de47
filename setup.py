"""Packaging: the top-level folders are installed as one package, `synctva`."""

from pathlib import Path

from setuptools import find_packages, setup

VERSION = "0.1.0"

# A top-level installed package called `configuration` or `datasets_scripts` could shadow, or be
# shadowed by, a stranger's; under `synctva.` they cannot.
PACKAGE_DIR = {
    "synctva": "synctva",
    "synctva.modeling_synctva": "modeling_synctva",
    "synctva.configuration": "configuration",
    "synctva.datasets_scripts": "datasets_scripts",
    "synctva.checkpoint": "synctva-meld",
}

# What turns a program of torch's into a file, and runs it. onnxscript before 0.7.1 gives a GRU the
# wrong equation, without a word.
ONNX = ["onnx>=1.19", "onnxscript>=0.7.1", "onnxruntime>=1.22"]

# `make docs`: Sphinx reads our Markdown and our docstrings.
DOCS = ["sphinx>=8.1", "myst-parser>=4.0", "furo>=2024.8.6"]

setup(
    name="synctva",
    version=VERSION,
    description="Emotion recognition in conversation from text, visual and audio (Sync-TVA)",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in (10, 11, 12, 13)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
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
    py_modules=["synctva_command_line"],
    entry_points={"console_scripts": ["synctva=synctva_command_line:main"]},
    package_data={
        "synctva": ["py.typed"],
        "synctva.video": ["*.safetensors"],
        "synctva.configuration": ["accelerate/*.yaml", "presets/*/*.json"],
        "synctva.checkpoint": ["*"],
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
    ],
    extras_require={
        # Source only, and it needs torch at build time: `make setup` builds it without isolation.
        "scatter": ["torch-scatter>=2.1.2"],
        "logging": ["tensorboard>=2.17"],
        # Raw audio and video; the wheel brings FFmpeg's libraries, of which older ones crash on
        # damaged files.
        "media": ["av>=17.0.1"],
        # The page of synctva/commands/app.py. Earlier ones fetch fonts and a script from elsewhere.
        "app": ["gradio>=6.20,<7"],
        # Extraction on many machines.
        "ray": ["ray[data]>=2.50"],
        # eGeMAPS, for research alone: its licence is non-commercial.
        "opensmile": ["opensmile>=2.5"],
        # Earlier torch cannot export a recurrence over conversations of any length.
        "onnx": ["torch>=2.13", *ONNX],
        # The peer that benchmarks/speed compares with.
        "bench": ["torch_geometric>=2.6"],
        "docs": DOCS,
        "dev": [
            "pytest>=8",
            "ruff>=0.12",
            "mypy>=1.15",
            "pandas>=2.2.2",
            "av>=17.0.1",
            "parameterized>=0.9",
            "hypothesis>=6.100",
            *DOCS,
            *ONNX,
        ],
    },
)
