package journal

const plain = 0
