/** Bytes of a .npy file: NumPy's format, a matrix of float32 unless said otherwise. */
export function npyFile(
  rows: readonly ArrayLike<number>[],
  { version = 1, descr = '<f4', fortran = 'False', shape = `(${rows.length}, ${rows[0]?.length ?? 0})` } = {},
): Buffer {
  const header = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`
  const before = version === 1 ? 10 : 12
  const padded = `${header.padEnd(Math.ceil((before + header.length + 1) / 64) * 64 - before - 1)}\n`
  const length = Buffer.alloc(before - 8)
  if (version === 1) length.writeUInt16LE(padded.length)
  else length.writeUInt32LE(padded.length)
  const data = rows.map(row => bytesOf(row, descr))
  return Buffer.concat([
    Buffer.from([0x93]),
    Buffer.from('NUMPY'),
    Buffer.from([version, 0]),
    length,
    Buffer.from(padded),
    ...data,
  ])
}

function bytesOf(row: ArrayLike<number>, descr: string): Buffer {
  if (descr.endsWith('f8')) return Buffer.from(Float64Array.from(row).buffer)
  // Halves are given as their bits.
  if (descr.endsWith('f2')) return Buffer.from(Uint16Array.from(row).buffer)
  return Buffer.from(Float32Array.from(row).buffer)
}
