import { navigate } from '../../app/navigation.js'
import { duplicatesPath, LEVELS } from './duplicate-texts.js'

/** How alike the photos of a pair must be. */
export function LeastSimilarity({ least }: { least: number }) {
  const levels = [...new Set<number>([...LEVELS, least])].sort((a, b) => a - b)
  return (
    <label class="select duplicates-least">
      <span>Similarity from</span>
      <select value={String(least)} onChange={event => navigate(duplicatesPath(Number(event.currentTarget.value)))}>
        {levels.map(level => (
          <option key={level} value={String(level)}>
            {level}
          </option>
        ))}
      </select>
    </label>
  )
}
