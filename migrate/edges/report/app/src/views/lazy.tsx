// A fold whose content is made when it is first opened: most of them never are.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

interface Props {
  class?: string;
  summary: ComponentChildren;
  open?: boolean;
  children: () => ComponentChildren;
}

export function Lazy({ class: name, summary, open = false, children }: Props) {
  const [opened, setOpened] = useState(open);
  return (
    <details class={name} open={open} onToggle={(event) => event.currentTarget.open && setOpened(true)}>
      <summary>{summary}</summary>
      {opened ? children() : null}
    </details>
  );
}
