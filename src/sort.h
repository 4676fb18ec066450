// Sorting in little code: std::sort is 800 bytes of WASM for each kind of element, a heap sort 250. For lists that are short
// or sorted once; equal elements keep no order.
#pragma once

#include <algorithm>
#include <functional>

namespace thimble {

template <class List, class Less = std::less<>>
void heap_sort(List& list, Less less = {}) {
  std::make_heap(list.begin(), list.end(), less);
  std::sort_heap(list.begin(), list.end(), less);
}

}  // namespace thimble
