// Ask the server that served this page: `review --web` alone has one.

export async function ask<Answer>(act: string, document: object): Promise<Answer> {
  const response = await fetch(act, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(document),
  });
  const answer = (await response.json()) as Answer & { error?: string };
  if (!response.ok) throw new Error(answer.error ?? response.statusText);
  return answer;
}
