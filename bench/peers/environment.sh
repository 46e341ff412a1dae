# Shared by prepare.sh and full_size.sh, which set `python` and `index` and stand in .bench/.

# environment NAME TORCH PACKAGES…: a Python environment; the CPU build of PyTorch first, or others bring CUDA
environment() {
  local name=$1 torch=$2
  shift 2
  if [ -e "$name/ready" ]; then return; fi
  echo "Installing $name"
  "$python" -m venv --clear "$name"
  "$name/bin/pip" install --quiet ${index:+--extra-index-url "$index"} "$torch"
  "$name/bin/pip" install --quiet ${index:+--extra-index-url "$index"} "$@"
  touch "$name/ready"
}

torch_of() { grep '^torch==' "$1"; }
