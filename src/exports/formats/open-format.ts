import type { AtlasOptions, AtlasPlaces } from '../atlas-options.js'
import type { ExportFormat, FormatName } from '../export-format.js'

/** Loads the format with this name: each needs packages that the others do not. */
export async function openFormat(name: Exclude<FormatName, 'atlas'>): Promise<ExportFormat> {
  switch (name) {
    case 'npy':
      return (await import('./npy.js')).npy
    case 'parquet':
      return (await import('./parquet.js')).parquet
    case 'csv':
      return (await import('./csv.js')).csv
    case 'jsonl':
      return (await import('./jsonl.js')).jsonl
    case 'tensorboard':
      return (await import('./tensorboard.js')).tensorboard
    case 'webdataset':
      return (await import('./webdataset.js')).webdataset
  }
}

/** Loads the format for embedding-atlas. */
export async function openAtlas(options: AtlasOptions, places: AtlasPlaces): Promise<ExportFormat> {
  return (await import('./atlas.js')).atlasFormat(options, places)
}
