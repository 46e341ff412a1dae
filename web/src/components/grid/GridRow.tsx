import type { Found } from '../../api/photos.js'
import { Duplicates } from './Duplicates.js'
import type { Row } from './justified-rows.js'
import { Tile } from './Tile.js'
import { TileActions } from './TileActions.js'

interface Props {
  row: Row
  /** Of the row. */
  index: number
  /** Pixels below the first row. */
  top: number
  gap: number
  /** All photos of the grid, and width by height of each. */
  photos: readonly Found[]
  ratios: readonly number[]
  /** Near duplicates by the photo that stands for them, and the ids of those photos whose duplicates are shown. */
  duplicates: ReadonlyMap<string, readonly Found[]>
  opened: readonly string[]
  /** The photo at which the focus enters the grid. */
  entry: number | undefined
  showsScores: boolean
  hrefOf: (photoId: string) => string
}

/** A row of the grid, at its place. */
export function GridRow({ row, index, top, gap, photos, ratios, entry, showsScores, hrefOf, ...props }: Props) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: rows of absolute position are no table.
    // biome-ignore lint/a11y/useFocusableInteractive: the photos have the focus.
    <div
      role="row"
      aria-rowindex={index + 1}
      class="grid-row"
      style={{ transform: `translateY(${top}px)`, gap: `${gap}px` }}
    >
      {photos.slice(row.start, row.end).map((found, i) => {
        const duplicates = props.duplicates.get(found.photo_id)?.length ?? 0
        return (
          // biome-ignore lint/a11y/useSemanticElements: as above.
          // biome-ignore lint/a11y/useFocusableInteractive: as above.
          <div key={found.photo_id} role="gridcell" class="tile-cell">
            <Tile
              found={found}
              index={row.start + i}
              width={ratios[row.start + i]! * row.height}
              height={row.height}
              isActive={row.start + i === entry}
              showsScore={showsScores}
              duplicates={duplicates}
              href={hrefOf(found.photo_id)}
            />
            {duplicates > 0 && (
              <Duplicates id={found.photo_id} count={duplicates} isOpen={props.opened.includes(found.photo_id)} />
            )}
            <TileActions id={found.photo_id} />
          </div>
        )
      })}
    </div>
  )
}
