import { AppError } from '../../domain/errors.js'
import { parseS3Location } from '../../domain/s3-location.js'
import { formatBytes, formatQuantity } from '../../domain/text/format.js'
import { exportColumns } from '../../exports/columns.js'
import type { ExportPlan } from '../../exports/export-format.js'
import type { ExportRequest, Manifest } from '../../exports/export-state.js'
import { openAtlas, openFormat } from '../../exports/formats/open-format.js'
import { type ChosenPhotos, runExport } from '../../exports/run-export.js'
import type { ExportTarget } from '../../exports/target/export-target.js'
import { withStoreErrors } from '../../exports/target/store-errors.js'
import type { Context } from '../context.js'
import { openSearchWithModel } from '../open-search.js'
import { filtersOf } from '../options/filter-options.js'
import { Progress } from '../print/progress.js'
import { atlasPlaces, checkAtlasOptions } from './atlas-places.js'
import { choosePhotos, describeSelection, wantedQuery } from './chosen-photos.js'
import type { ExportOptions } from './export-options.js'
import { metadataColumns } from './metadata-columns.js'

/** Empty: the whole bucket. */
const PREFIX_SEGMENT = /^[A-Za-z0-9._-]*$/

/** The `export` command. @returns exit code */
export async function exportPhotos(
  context: Context,
  place: string,
  text: string | undefined,
  options: ExportOptions,
): Promise<number> {
  const { app, signal } = context
  const query = wantedQuery(text, options)
  const photoColumns = metadataColumns(options.columns)
  const filters = await filtersOf(options)
  checkAtlasOptions(options)
  const otherFormat = options.format === 'atlas' ? null : await openFormat(options.format)
  if (options.dtype !== undefined && !otherFormat?.isBinary)
    throw new AppError('USAGE', `--dtype is of binary vectors; found --format ${options.format}, which has none.`)
  const { search, model } = await openSearchWithModel(context)
  const { vectors, projections } = await app.repositories()
  const atlas = otherFormat === null ? await atlasPlaces(projections, model.id, options) : null
  const format = otherFormat ?? (await openAtlas(atlas!.options, atlas!.places))
  const labelSets = (await search.labelSets(model)).map(({ name }) => name)
  const { name, precision, revision, dimension } = model.identity
  const dtype = options.dtype ?? 'float32'
  const columnsFor = (scores: ReadonlyMap<string, number> | null) => exportColumns({ photoColumns, labelSets, scores })
  const request: ExportRequest = {
    format: options.format,
    dtype: format.isBinary ? dtype : null,
    model: { name, precision, revision, dimension },
    columns: columnsFor(query === null ? null : new Map()).map(column => column.name),
    selection: describeSelection(filters, query, options),
    ...(atlas === null ? {} : { atlas: atlas.options }),
  }
  const store = options.format === 'webdataset' ? await app.store() : null
  const progress = new Progress('export')
  const target = await openTarget(context, place)
  try {
    const manifest = await runExport({
      target,
      format,
      request,
      vectors,
      selection: { modelId: model.id, filters },
      choose: () => choosePhotos({ search, model, vectors }, filters, query, options, progress, signal),
      plan: (chosen, photos): ExportPlan => ({
        ...{ model: model.key, dimension, dtype, photos },
        columns: columnsFor(scoresOf(chosen)),
        readCopy: async key => withStoreErrors(async () => (await store?.get(key)) ?? null),
      }),
      pages: { columns: photoColumns, withLabels: labelSets.length > 0 },
      shardBytes: options.shardSize,
      replace: options.replace ?? false,
      onPreparation: text => progress.write(`export: ${text}`),
      onProgress: (done, photos) => progress.update({ total: photos, done, failed: 0 }),
      signal,
    })
    const seconds = progress.end()
    report(context, target, manifest, seconds)
  } finally {
    progress.end()
  }
  return 0
}

function scoresOf({ ids, scores }: ChosenPhotos): ReadonlyMap<string, number> | null {
  return ids === null || scores === null ? null : new Map(ids.map((id, i) => [id, scores[i]!]))
}

async function openTarget({ app }: Context, place: string): Promise<ExportTarget> {
  if (!/^s3:\/\//i.test(place)) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(place))
      throw new AppError('USAGE', `Expected a folder or s3://bucket/prefix, found ${JSON.stringify(place)}.`)
    const { FolderTarget } = await import('../../exports/target/folder-target.js')
    return new FolderTarget(place)
  }
  if (
    !parseS3Location(place)
      ?.prefix.split('/')
      .every(segment => PREFIX_SEGMENT.test(segment))
  )
    throw new AppError('USAGE', `Expected a folder or s3://bucket/prefix, found ${JSON.stringify(place)}.`)
  const { StoreTarget } = await import('../../exports/target/store-target.js')
  return new StoreTarget(await app.exportStore(place))
}

function report({ out }: Context, { location }: ExportTarget, manifest: Manifest, seconds: number): void {
  const files = [...manifest.shards.flatMap(shard => shard.files), ...manifest.files]
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  const { format, photos, shards } = manifest
  out.result(
    { target: location, format, photos, shards: shards.length, files: files.length, bytes, seconds },
    `Exported ${formatQuantity(photos, 'photo')} to ${location}: ${formatQuantity(files.length, 'file')}, ${formatBytes(bytes)}, in ${seconds.toFixed(1)} s.`,
  )
}
