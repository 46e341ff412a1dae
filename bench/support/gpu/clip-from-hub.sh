#!/usr/bin/env bash
# Gets CLIP ViT-B/32 for bench/gpu.sh: into FOLDER/models/clip-vit-b-32, with a model.json, so that benchmarks take it
# as MODEL_FOLDER. Parameters: FOLDER PRECISIONS, which are separated by commas.
#
# fp32 and int8 are those that `models pull` fetches, with their digests. Nobody has pinned the digests of fp16, so that
# command does not fetch it: it comes from the same repository of the hub, whatever lies there.
set -euo pipefail
root=$(cd "$1" 2>/dev/null && pwd || { mkdir -p "$1" && cd "$1" && pwd; })
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
export MODELS_DIR=$root/models
model=$MODELS_DIR/clip-vit-b-32
hub=${HF_ENDPOINT:-https://huggingface.co}/Xenova/clip-vit-base-patch32/resolve/main

fetched=()
for precision in ${2//,/ }; do
  case $precision in
    fp32 | int8)
      node dist/cli/main.js models pull "clip-vit-b-32@$precision" --no-verify
      fetched+=("$precision")
      ;;
    fp16)
      complete=true
      for file in onnx/vision_model_fp16.onnx onnx/text_model_fp16.onnx; do
        [ -e "$model/$file" ] && continue
        mkdir -p "$model/onnx"
        if curl -fL --retry 3 -o "$model/$file.part" "$hub/$file"; then
          mv "$model/$file.part" "$model/$file"
        else
          rm -f "$model/$file.part"
          complete=false
        fi
      done
      if $complete; then fetched+=(fp16); else cat <<ADVICE; fi

!!! fp16 is not measured, because its files cannot be fetched from $hub.
    They are onnx/vision_model_fp16.onnx and onnx/text_model_fp16.onnx: put them into
    $model/onnx, or make them there from the files in 32 bits:
      pip install onnx onnxruntime
      python tools/half-precision/make.py $model

ADVICE
      ;;
    *)
      echo "--precisions: expected some of fp32, fp16, int8, found \"$precision\"." >&2
      exit 2
      ;;
  esac
done
if [ ${#fetched[@]} -eq 0 ]; then
  echo "There is no model to measure. Or set MODEL_FOLDER to a folder with a model.json (docs/reference/model-files.md)." >&2
  exit 2
fi
node bench/support/gpu/describe-clip.mjs "$model" "${fetched[@]}"
