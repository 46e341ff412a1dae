import { AppError } from '../../domain/errors.js'
import type {
  Projection,
  ProjectionColors,
  ProjectionPoints,
  ProjectionRepository,
  StoredProjection,
} from '../../domain/ports/analysis/projections.js'
import type { ModelId } from '../../domain/ports/repository.js'
import type { Database, Session } from '../connection.js'
import { storable } from '../ingest/photo-rows.js'

const REMOVE = 'delete from projections where model_id = $1 and name = $2 returning id'
const ADD = 'insert into projections (model_id, name, method, parameters) values ($1, $2, $3, $4::jsonb) returning id'
const ADD_POINTS = `
  with added as (
    insert into projection_points (projection_id, photo_id, x, y)
    select $1::integer, p.photo_id, given.x, given.y
      from unnest($2::text[], $3::real[], $4::real[]) as given (photo_id, x, y)
      join photos p on p.photo_id = given.photo_id
    returning 1
  )
  select count(*) as photos from added`
const LIST = `
  select r.name, r.method, r.parameters, r.created_at as "createdAt",
         (select count(*) from projection_points p where p.projection_id = r.id) as photos
    from projections r where r.model_id = $1 order by r.name collate "C"`
const FIND = 'select id from projections where model_id = $1 and name = $2'
const POINTS =
  'select array_agg(photo_id) as ids, array_agg(x) as xs, array_agg(y) as ys from projection($2, $1::integer::text)'
const COLORS = 'select value, photos, places from projection_colors($1, $2, $3, $4)'

/** Points per statement. */
const PAGE = 5000

/** ProjectionRepository on Postgres. */
export class PostgresProjectionRepository implements ProjectionRepository {
  constructor(private readonly database: Database) {}

  save(modelId: ModelId, { name, method, parameters }: Projection, { ids, points }: ProjectionPoints): Promise<number> {
    return this.database.transaction(
      async session => {
        await session.query(REMOVE, [modelId, storable(name)])
        const [added] = await session.query<{ id: number }>(ADD, [modelId, name, method, JSON.stringify(parameters)])
        let stored = 0
        for (let first = 0; first < ids.length; first += PAGE)
          stored += await addPoints(session, added!.id, ids.slice(first, first + PAGE), points.subarray(2 * first))
        return stored
      },
      { unlimited: true },
    )
  }

  async list(modelId: ModelId): Promise<StoredProjection[]> {
    const rows = await this.database.query<StoredProjection & Record<string, unknown>>(LIST, [modelId])
    return rows.map(row => ({ ...row, photos: Number(row.photos) }))
  }

  async points(modelId: ModelId, name: string): Promise<ProjectionPoints> {
    await this.#idOf(modelId, name)
    const [row] = await this.database.query<{ ids: string[] | null; xs: number[]; ys: number[] }>(POINTS, [
      modelId,
      storable(name),
    ])
    const ids = row?.ids ?? []
    const points = new Float32Array(2 * ids.length)
    for (let i = 0; i < ids.length; i++) points.set([row!.xs[i]!, row!.ys[i]!], 2 * i)
    return { ids, points }
  }

  async colors(modelId: ModelId, name: string, facet: string, most: number): Promise<ProjectionColors> {
    const id = await this.#idOf(modelId, name)
    const rows = await this.database.query<{ value: string; photos: number; places: number[] }>(COLORS, [
      id,
      modelId,
      storable(facet),
      most,
    ])
    const [all] = await this.database.query<{ photos: number }>(
      'select count(*) as photos from projection_points where projection_id = $1',
      [id],
    )
    const places = new Int32Array(Number(all!.photos)).fill(-1)
    for (const [value, row] of rows.entries()) for (const place of row.places) places[place] = value
    return { values: rows.map(({ value, photos }) => ({ value, photos: Number(photos) })), places }
  }

  async remove(modelId: ModelId, name: string): Promise<boolean> {
    return (await this.database.query(REMOVE, [modelId, storable(name)])).length > 0
  }

  /** @throws AppError NOT_FOUND */
  async #idOf(modelId: ModelId, name: string): Promise<number> {
    const [found] = await this.database.query<{ id: number }>(FIND, [modelId, storable(name)])
    if (found) return found.id
    const known = (await this.list(modelId)).map(each => each.name).join(', ') || 'none'
    throw new AppError(
      'NOT_FOUND',
      `There is no projection ${JSON.stringify(name)} for this model; known: ${known}. Make one: unsplash-clip analyze project`,
    )
  }
}

async function addPoints(session: Session, id: number, ids: readonly string[], points: Float32Array): Promise<number> {
  const axis = (offset: number) => ids.map((_, i) => points[2 * i + offset]!)
  const [added] = await session.query<{ photos: number }>(ADD_POINTS, [id, ids, axis(0), axis(1)])
  return Number(added!.photos)
}
