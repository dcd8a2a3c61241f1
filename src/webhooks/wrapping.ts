/** Ids of a transaction that an older version of the API wrote as {"Value": "…"}. @source the v1 API's contract, §2.3 */
const WRAPPED = new Set(['"paymentLinkId"', '"paymentSessionId"', '"cardTokenId"', '"customerId"']);
const PIECES = /"(?:[^"\\]|\\.)*"|[{}[\]]/g;

/**
 * The body of a transaction's event with its ids wrapped. It works on the text, so that not one other byte changes, numbers
 * of any size included, and the same body always gives the same bytes.
 */
export function wrapIds(body: string): string {
  let depth = 0;
  let wrapNext = false;
  return body.replace(PIECES, (piece, at: number) => {
    if (piece === '{' || piece === '[') depth++;
    else if (piece === '}' || piece === ']') depth--;
    else if (wrapNext) {
      wrapNext = false;
      return `{"Value":${piece}}`;
    } else wrapNext = depth === 2 && WRAPPED.has(piece) && /^:"/.test(body.slice(at + piece.length, at + piece.length + 2)); // null stays null
    return piece;
  });
}
