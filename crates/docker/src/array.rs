//! A JSON array of objects, read off a body in pieces.

use crate::error::Trouble;

/// Finds the objects of one JSON array in a stream of chunks.
///
/// Whether they are JSON, and where they end, is their reader's to say. Only what a chunk's border cuts is looked for
/// the end of, kept, and read twice; at most [`MAX_OBJECT`] bytes of it.
#[derive(Debug, Default)]
pub(crate) struct ObjectArray {
    place: Place,
    depth: usize,
    in_string: bool,
    escaped: bool,
    partial: Vec<u8>,
}

/// The largest object that is read, in bytes.
pub(crate) const MAX_OBJECT: usize = 16 * 1024 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before the array.
    #[default]
    Start,
    /// Before the first object, or the array's end.
    First,
    /// Before another object, which must come.
    Next,
    /// Within an object.
    Inside,
    /// After an object.
    After,
    /// After the array.
    End,
}

impl ObjectArray {
    /// Takes the next chunk, and hands each object that it completes to `read`: that is given bytes which begin with an
    /// object, and returns how many of them it took, or `None` if they are no whole one.
    pub(crate) fn feed(
        &mut self,
        chunk: &[u8],
        mut read: impl FnMut(&[u8]) -> Result<Option<usize>, Trouble>,
    ) -> Result<(), Trouble> {
        let mut rest = chunk;
        while let Some(&byte) = rest.first() {
            if self.place == Place::Inside {
                rest = self.finish_object(rest, &mut read)?;
                continue;
            }
            self.step(byte)?;
            if self.place != Place::Inside {
                rest = &rest[1..];
            } else if let Some(taken) = read(rest)? {
                self.place = Place::After;
                rest = &rest[taken..];
            }
        }
        Ok(())
    }

    /// Goes on with an object that the chunk's border cuts; what follows it.
    fn finish_object<'a>(
        &mut self,
        bytes: &'a [u8],
        mut read: impl FnMut(&[u8]) -> Result<Option<usize>, Trouble>,
    ) -> Result<&'a [u8], Trouble> {
        let end = self.end_of_object(bytes);
        let (object, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.keep(object)?;
        if end.is_some() {
            self.place = Place::After;
            let object = std::mem::take(&mut self.partial);
            // Braces end it here; that its reader finds no end, or another one, means that it is no JSON.
            if read(&object)? != Some(object.len()) {
                return Err(Trouble::decode("a container in it is no JSON object"));
            }
        }
        Ok(rest)
    }

    /// The body has ended: was the array whole?
    pub(crate) fn finish(&self) -> Result<(), Trouble> {
        match self.place {
            Place::End => Ok(()),
            Place::Start => Err(Trouble::decode("it is empty")),
            _ => Err(Trouble::Cut),
        }
    }

    /// One byte between objects.
    fn step(&mut self, byte: u8) -> Result<(), Trouble> {
        self.place = match (self.place, byte) {
            (place, b' ' | b'\t' | b'\r' | b'\n') => place,
            (Place::Start, b'[') => Place::First,
            (Place::First | Place::Next, b'{') => Place::Inside,
            (Place::First | Place::After, b']') => Place::End,
            (Place::After, b',') => Place::Next,
            (Place::Start, _) => return Err(Trouble::decode("it is no JSON array")),
            (Place::End, _) => return Err(Trouble::decode("something follows the JSON array")),
            _ => return Err(Trouble::decode("an element of the JSON array is no object")),
        };
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        if self.partial.len() + bytes.len() > MAX_OBJECT {
            return Err(Trouble::decode(format!("an object has more than {MAX_OBJECT} bytes")));
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// The index after the object's closing brace.
    fn end_of_object(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                at += self.skip_string(&bytes[at..]);
                continue;
            }
            match bytes[at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// How many of these bytes, which are within a string, belong to it or to its escapes.
    fn skip_string(&mut self, bytes: &[u8]) -> usize {
        if self.escaped {
            self.escaped = false;
            return 1;
        }
        // Most of a list is within strings.
        match memchr::memchr2(b'"', b'\\', bytes) {
            None => bytes.len(),
            Some(at) => {
                self.escaped = bytes[at] == b'\\';
                self.in_string = self.escaped;
                at + 1
            }
        }
    }
}
