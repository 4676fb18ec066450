'use client';
import { useEffect } from 'react';
import { show } from '../../app.js';  // also runs on the server, where it must do no harm

export default function Page() {
  useEffect(() => { show(); }, []);
  return <p>Thimble</p>;
}
